//! The media worker, seen from the server: what is said to it and how it is kept running.
//!
//! `rooftop-worker` is a second executable, the only one that links libav. It is confined, and it is expected to crash: a
//! crash costs the job it was doing, never a stream. This module owns the words both sides speak ([`frame`],
//! [`protocol`], [`job`]; the executable uses them from here) and the client side ([`WorkerClient`]). It must not know what
//! its answers are used for.

mod client;
mod crashes;
mod error;
pub mod frame;
pub mod job;
mod locate;
mod process;
pub mod protocol;

pub use client::{Settings, Turn, WorkerClient};
pub use error::WorkerError;
