//! The black-box tests: the real executable, real clients, real networks (in namespaces). Run as root on Debian 12 by
//! `cargo nextest run --test it`. README.md says which test shows which check.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends by a panic")]

mod access;
mod admin;
mod admission;
mod api;
mod architecture;
mod cli;
mod control;
mod corpus;
mod devices;
mod discovery;
mod faults;
mod feeds;
mod filler;
mod filler_image;
mod history;
mod loss;
mod metadata;
mod oracle;
mod package;
#[cfg(feature = "worker")]
mod player;
mod players;
mod prober;
mod pushed;
mod recovery;
mod rtp;
mod seamless;
mod seamless_players;
#[cfg(feature = "worker")]
mod slates;
mod slots;
mod soak;
mod sources;
mod srt;
mod srt_call;
mod standby;
mod streams;
mod support;
mod tap;
mod upnp;
#[cfg(feature = "worker")]
mod worker;
mod xtream;
