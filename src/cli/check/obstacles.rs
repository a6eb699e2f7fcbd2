//! Tries what `serve` would do, and undoes it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::report::Finding;
use crate::base::chain::Chain;
use crate::base::clock;
use crate::base::secret::SafeUrl;
use crate::cli::serve;
use crate::config::{Config, Resolved};
use crate::fetch;
use crate::hdhr::discovery::Udp;
use crate::hdhr::{control_tcp, discover_udp};
use crate::http::server;
use crate::ingest::{rtp, srt};
use crate::media::worker::WorkerClient;
use crate::model::FetchAccess;
use crate::source::Opener;
use crate::store;

/// For a playlist's server to answer.
const PATIENCE: Duration = Duration::from_secs(8);

/// What stands in the way.
pub(super) async fn find(resolved: &Resolved) -> Vec<Finding> {
    let config = &resolved.config;
    let mut findings: Vec<Finding> = resolved.stray.iter().map(|stray| minor(serve::told(stray))).collect();
    match data_dir(&config.data_dir) {
        Ok(()) => {}
        Err(Obstacle::Running(text)) => {
            findings.push(fatal(format!("{text}. Ports are not looked at: it has them. Stop it to check everything.")));
            findings.extend(playlists(config).await.into_iter().chain(worker(config)));
            return findings;
        }
        Err(Obstacle::Unusable(text)) => findings.push(fatal(text)),
    }
    let port_80 = addresses(config, &mut findings);
    inputs(config, &mut findings);
    discovery(config, port_80, &mut findings).await;
    findings.extend(playlists(config).await.into_iter().chain(worker(config)));
    findings
}

fn fatal(text: String) -> Finding {
    Finding { fatal: true, text }
}

fn minor(text: String) -> Finding {
    Finding { fatal: false, text }
}

enum Obstacle {
    /// Another one has it.
    Running(String),
    /// It cannot be used.
    Unusable(String),
}

/// Whether the directory could be made, written and locked. Makes nothing.
fn data_dir(dir: &Path) -> Result<(), Obstacle> {
    use rustix::fs::{Access, access};
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let Some(there) = absolute.ancestors().find(|path| path.symlink_metadata().is_ok()) else { return Ok(()) };
    let shown = there.display();
    if !there.is_dir() {
        return Err(Obstacle::Unusable(format!("the data directory {} cannot be made: {shown} is no directory", dir.display())));
    }
    if let Err(error) = access(there, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        let what = if there == absolute { "used" } else { "made" };
        return Err(Obstacle::Unusable(format!(
            "the data directory {} cannot be {what}: no right to write in {shown} ({error}); run this as the user that serves, or \
             choose another directory with --data-dir",
            dir.display()
        )));
    }
    store::check_free(dir).map_err(|error| match error {
        store::StoreError::Locked { .. } => Obstacle::Running(error.to_string()),
        other => Obstacle::Unusable(other.to_string()),
    })
}

/// Binds the addresses for a moment; whether port 80 would be ours.
fn addresses(config: &Config, findings: &mut Vec<Finding>) -> bool {
    let (mut bound, mut port_80) = (Vec::new(), false);
    for listen in &config.listen {
        match server::bind(listen.addr) {
            Ok(listener) => {
                port_80 |= listen.addr.port() == 80;
                bound.push(listener);
            }
            Err(error) if listen.optional => findings.push(minor(format!(
                "{} is not available ({error}): {}. Clients that look only there will not find this tuner",
                listen.addr,
                remedy(listen.addr, &error)
            ))),
            Err(error) => {
                let remedy = remedy(listen.addr, &error);
                findings.push(fatal(format!(
                    "{} is not available ({error}): {remedy}, or choose another with --listen",
                    listen.addr
                )));
            }
        }
    }
    if bound.is_empty() && config.listen.iter().all(|listen| listen.optional) {
        findings.push(fatal("no address to listen on is available".to_owned()));
    }
    port_80
}

/// Binds the ports to which streams are pushed, and those of descriptions.
fn inputs(config: &Config, findings: &mut Vec<Finding>) {
    let of_srt = config.ingest.srt.listen.iter().filter_map(|listen| {
        let error = srt::bind(listen).err()?;
        Some(input("SRT", "srt.listen", listen.addr, listen.optional, &error))
    });
    findings.extend(of_srt);
    let settings = &config.ingest.rtp;
    // They stay bound while descriptions are looked at, as they will be.
    let mut bound = Vec::new();
    for listen in &settings.listen {
        match rtp::bind(listen, settings.buffer_size) {
            Ok(port) => bound.push(port),
            Err(error) => findings.push(input("RTP", "rtp.listen", listen.addr, listen.optional, &error)),
        }
    }
    let mut described = Vec::new();
    for sdp in &settings.sdp {
        let read = std::fs::read_to_string(&sdp.path).map_err(|error| error.to_string());
        match read.and_then(|text| rtp::described::bind(&sdp.stream, &text, settings.buffer_size)) {
            Ok(ports) => described.push(ports),
            Err(reason) => {
                let path = sdp.path.display();
                findings.push(minor(format!("the stream that {path} (rtp.sdp) describes cannot be received: {reason}")));
            }
        }
    }
}

fn input(what: &str, setting: &str, addr: SocketAddr, optional: bool, error: &std::io::Error) -> Finding {
    let told = match error.kind() {
        std::io::ErrorKind::AddrInUse => format!("`ss -ulnp | grep :{}` says which program has it", addr.port()),
        _ => remedy(addr, error),
    };
    let text = format!("UDP {addr} is not available ({error}): {told}");
    if optional {
        minor(format!("{text}. No stream can be pushed there by {what}"))
    } else {
        fatal(format!("{text}, or choose another with {setting}"))
    }
}

fn remedy(addr: SocketAddr, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => format!("`ss -tlnp | grep :{}` says which program has it", addr.port()),
        std::io::ErrorKind::PermissionDenied => {
            "the service may use it; for another user allow it with `sysctl net.ipv4.ip_unprivileged_port_start=80`".to_owned()
        }
        std::io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => "it cannot be used".to_owned(),
    }
}

async fn discovery(config: &Config, port_80: bool, findings: &mut Vec<Finding>) {
    match config.discovery.udp {
        Udp::Off => return,
        Udp::Auto if !port_80 => {
            findings.push(minor(
                "HDHomeRun discovery (port 65001) stays off without port 80, where clients would look next: free port 80, or insist \
                 with `udp!` in the setting discovery, or give clients the address by hand"
                    .to_owned(),
            ));
            return;
        }
        Udp::Auto | Udp::Insist => {}
    }
    let port = discover_udp::PORT;
    let (control, discover) = (control_tcp::bind(port).await, discover_udp::bind(port));
    if let Some(error) = control.err().or(discover.err()) {
        findings.push(minor(format!(
            "port {port} is not available ({error}), so HDHomeRun discovery stays off: `ss -tulnp | grep :{port}` says which program has \
             it; another tuner emulation, perhaps"
        )));
    }
}

/// Serving goes on without a playlist, with what it brought the last time; it is tried again and again.
async fn playlists(config: &Config) -> Vec<Finding> {
    if let Err(error) = Opener::new(config.source.clone()) {
        return vec![fatal(format!("sources cannot be opened: {}", Chain(&error)))];
    }
    let access = FetchAccess::default();
    let reach = async |location: &String| {
        let reason = match clock::timeout(PATIENCE, fetch::reach(location, &access)).await {
            Ok(Ok(())) => return None,
            Ok(Err(error)) => Chain(&error).to_string(),
            Err(_) => format!("no answer within {PATIENCE:?}"),
        };
        Some(minor(format!("the playlist {} cannot be read now: {reason}", SafeUrl(location))))
    };
    futures_util::future::join_all(config.playlists.iter().map(reach)).await.into_iter().flatten().collect()
}

fn worker(config: &Config) -> impl Iterator<Item = Finding> {
    let missing = WorkerClient::new(config.worker.clone()).program().err();
    missing.into_iter().map(|error| minor(format!("{error}. Without it there are no demo channels and no slates")))
}

#[cfg(test)]
mod tests;
