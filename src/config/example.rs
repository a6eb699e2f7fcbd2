//! Holds the shipped example to what the program does.

use std::path::Path;

use super::key::{KEYS, Key};
use super::manual::EXAMPLE;
use super::{Origin, Resolved, file, place, resolve};

/// Shown with an example, for their default is made while it runs or kept in the database.
const BY_CHANCE: [&str; 10] = [
    "data_dir",
    "tuners",
    "device_id",
    "worker.program",
    "filler.image",
    "srt.passphrase",
    "rtp.sdp",
    "rtp.payload_types",
    "ingestion.memory.global_limit_mib",
    "ingestion.memory.per_stream_limit_mib",
];

/// The example with all that is commented out in force.
fn uncommented() -> String {
    EXAMPLE.lines().map(|line| format!("{}\n", setting(line).unwrap_or(line))).collect()
}

fn setting(line: &str) -> Option<&str> {
    line.strip_prefix('#').filter(|rest| rest.starts_with(|first: char| first.is_ascii_lowercase()))
}

fn resolved(text: &str) -> Resolved {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let surroundings = place::Surroundings { home: Some("/home/anna".into()), ..place::Surroundings::default() };
    resolve(Vec::new(), [], Some(file.path()), &surroundings).unwrap()
}

#[test]
fn as_it_is_shipped_it_changes_nothing() {
    let shown = resolved(EXAMPLE).shown;
    assert!(shown.iter().all(|shown| shown.origin == Origin::Default), "{shown:?}");
}

#[test]
fn it_has_every_key_with_its_default() {
    let given = file::parse(&uncommented(), Path::new("rooftop.toml")).unwrap();
    let named: Vec<&str> = given.iter().map(|given| given.key.name).collect();
    for Key { name, default, .. } in &KEYS {
        assert!(named.contains(name), "{name} is missing");
        let values = &given.iter().find(|given| given.key.name == *name).unwrap().values;
        if !BY_CHANCE.contains(name) {
            assert_eq!(values, default, "{name}");
        }
    }
    assert_eq!(given.len(), KEYS.len());
}

#[test]
fn all_of_it_in_force_is_usable() {
    let config = resolved(&uncommented()).config;
    assert_eq!(config.data_dir, Path::new(place::SERVICE_DIR));
    assert_eq!(config.device.tuners, Some(crate::store::NewDevice::default().tuner_count));
    assert_eq!(config.worker.program.as_deref(), Some(Path::new("/usr/lib/rooftop/rooftop-worker")));
    assert_eq!(config.session.filler_image.as_deref(), Some(Path::new("/var/lib/rooftop/slate.png")));
}
