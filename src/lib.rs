//! Rooftop: a home network tuner. A household's streams go in, an HDHomeRun comes out.
//!
//! # The tune path
//!
//! 1. `hdhr::http` turns `/auto/v5.1` into a [`model::GuideNumber`] and asks [`session::Manager`] for a subscriber.
//! 2. [`session::manager`] joins the running session, or starts one from the plan that [`session::ports`] gives it.
//! 3. [`session::driver`] takes a [`tuner`] lease and opens the source through [`source::dispatch`].
//! 4. [`session::pump`] aligns ([`ts::sync`]), splices ([`ts::splice`]) and publishes to [`session::ring`].
//! 5. [`session::subscriber`] starts at a keyframe with PAT and PMT in front; `http::body` writes under a deadline.
//! 6. When a source ends or fails, [`session::recovery`] says what is next; the new bytes pass the same splice.
//! 7. The last subscriber leaves: idle grace, leases dropped.
//!
//! Modules are listed in layer order: each may use only those above it, by the table in ARCHITECTURE.md, which
//! `tests/it/architecture.rs` enforces.

pub mod base;

pub mod codec;
pub mod model;
pub mod rtp;
pub mod ts;

pub mod fetch;
pub mod http;
pub mod media;
pub mod store;

pub mod guide;
pub mod playlist;
pub mod source;
pub mod tuner;

pub mod ingest;
pub mod session;

pub mod prober;

pub mod admin;
pub mod hdhr;

pub mod app;
pub mod config;

pub mod cli;
