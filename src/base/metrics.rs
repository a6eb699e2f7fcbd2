//! Counters and gauges, and their text for Prometheus (OpenMetrics 1.0).
//!
//! A counter is a cheap handle that its owner keeps and adds to. What can be looked up when somebody asks is better given as
//! a [`Readings`], which costs nothing in between.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

pub use prometheus_client::metrics::counter::Counter;
pub use prometheus_client::metrics::gauge::Gauge;

use super::{clock, machine};

/// Media type of [`Metrics::text`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The labels of a sample: names and values.
pub type Labels = Vec<(&'static str, String)>;

/// All metrics of the process, each named `rooftop_…`. A cheap handle.
#[derive(Clone)]
pub struct Metrics(Arc<Mutex<Registry>>);

/// Counters of one name that differ by the value of one label. A cheap handle.
#[derive(Debug, Clone)]
pub struct Counters {
    label: &'static str,
    family: Family<Labels, Counter>,
}

impl Counters {
    /// The counter of a value, made when first asked for. Values come from a small set that is known beforehand.
    pub fn of(&self, value: &'static str) -> Counter {
        self.family.get_or_create_owned(&vec![(self.label, value.to_owned())])
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Those of the process itself: version, start, memory, descriptors, threads.
    pub fn new() -> Self {
        let metrics = Self(Arc::new(Mutex::new(Registry::with_prefix("rooftop"))));
        metrics.read(Process { started_ms: clock::wall_ms() });
        metrics
    }

    /// A counter; `_total` is put after `name`.
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        let counter = Counter::default();
        self.registry().register(name, help, counter.clone());
        counter
    }

    /// Counters that differ by `label`.
    pub fn counters(&self, name: &str, help: &str, label: &'static str) -> Counters {
        let family = Family::default();
        self.registry().register(name, help, family.clone());
        Counters { label, family }
    }

    /// A gauge.
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::default();
        self.registry().register(name, help, gauge.clone());
        gauge
    }

    /// Has `readings` asked whenever somebody asks for the text. It must not wait for anything.
    pub fn read(&self, readings: impl Readings) {
        self.registry().register_collector(Box::new(Asked(readings)));
    }

    /// Everything, as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if prometheus_client::encoding::text::encode(&mut text, &self.registry()).is_err() {
            tracing::warn!("metrics are incomplete: one of them cannot be written");
        }
        text
    }

    fn registry(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// Values that are looked up when somebody asks.
pub trait Readings: Send + Sync + 'static {
    /// Looks them up.
    fn read(&self) -> Vec<Reading>;
}

/// One metric with all its samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Name, without prefix and without `_total`.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Whether it only grows: a counter, else a gauge.
    pub only_grows: bool,
    /// A value for each set of labels.
    pub samples: Vec<(Labels, u64)>,
}

impl Reading {
    /// A gauge without labels.
    pub fn gauge(name: &'static str, help: &'static str, value: u64) -> Self {
        Self::gauges(name, help, [(Vec::new(), value)])
    }

    /// A gauge for each set of labels.
    pub fn gauges(name: &'static str, help: &'static str, samples: impl IntoIterator<Item = (Labels, u64)>) -> Self {
        Self { name, help, only_grows: false, samples: samples.into_iter().collect() }
    }

    /// A counter for each set of labels.
    pub fn counters(name: &'static str, help: &'static str, samples: impl IntoIterator<Item = (Labels, u64)>) -> Self {
        Self { only_grows: true, ..Self::gauges(name, help, samples) }
    }
}

impl EncodeMetric for Reading {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, value) in &self.samples {
            if labels.is_empty() {
                Self::put(&mut encoder, self.only_grows, *value)?;
            } else {
                Self::put(&mut encoder.encode_family(labels)?, self.only_grows, *value)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        if self.only_grows { MetricType::Counter } else { MetricType::Gauge }
    }

    fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }
}

impl Reading {
    fn put(encoder: &mut MetricEncoder<'_>, only_grows: bool, value: u64) -> fmt::Result {
        match only_grows {
            true => encoder.encode_counter::<Labels, _, u64>(&value, None),
            false => encoder.encode_gauge(&value),
        }
    }
}

struct Asked<R>(R);

impl<R> fmt::Debug for Asked<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<R>())
    }
}

impl<R: Readings> Collector for Asked<R> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for reading in self.0.read().iter().filter(|reading| !reading.is_empty()) {
            reading.encode(encoder.encode_descriptor(reading.name, reading.help, None, reading.metric_type())?)?;
        }
        Ok(())
    }
}

/// The process, as `/proc/self` shows it (proc(5)). What cannot be read there is left out.
struct Process {
    started_ms: i64,
}

impl Readings for Process {
    fn read(&self) -> Vec<Reading> {
        let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        let started_s = u64::try_from(self.started_ms / 1000).unwrap_or(0);
        let mut readings = vec![
            Reading::gauges("build_info", "The version that runs", [(version, 1)]),
            Reading::gauge("process_start_time_seconds", "When the process began, in seconds since 1970", started_s),
        ];
        if let Ok(entries) = std::fs::read_dir("/proc/self/fd") {
            let open = u64::try_from(entries.count()).unwrap_or(0);
            readings.push(Reading::gauge("process_open_fds", "Open file descriptors", open));
        }
        if let Some(bytes) = machine::resident_bytes() {
            readings.push(Reading::gauge("process_resident_memory_bytes", "Resident memory", bytes));
        }
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        if let Some(threads) = status_field(&status, "Threads:") {
            readings.push(Reading::gauge("process_threads", "Threads", threads));
        }
        readings
    }
}

fn status_field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two;

    impl Readings for Two {
        fn read(&self) -> Vec<Reading> {
            let name = |name: &str| vec![("name", name.to_owned())];
            vec![
                Reading::counters("two_bytes", "Two", [(name("a"), 1), (name("quote \" and \\ and\nline"), 2)]),
                Reading::gauges("none", "Nothing to say", []),
            ]
        }
    }

    #[test]
    fn the_text_has_everything() {
        let metrics = Metrics::new();
        metrics.counter("things", "Things").inc_by(3);
        metrics.gauge("level", "Level").set(-1);
        metrics.counters("ends", "Ends", "why").of("left").inc();
        metrics.read(Two);
        let text = metrics.text();
        let lines: Vec<&str> = text.lines().collect();
        for expected in [
            "rooftop_things_total 3",
            "rooftop_level -1",
            "rooftop_ends_total{why=\"left\"} 1",
            "rooftop_two_bytes_total{name=\"a\"} 1",
            "rooftop_two_bytes_total{name=\"quote \\\" and \\\\ and\\nline\"} 2",
            "# TYPE rooftop_two_bytes counter",
            "# EOF",
        ] {
            assert!(lines.contains(&expected), "{expected} is missing in\n{text}");
        }
        assert!(!text.contains("rooftop_none"), "{text}");
        assert!(text.contains("rooftop_build_info{version="), "{text}");
        assert!(text.contains("rooftop_process_resident_memory_bytes "), "{text}");
    }
}
