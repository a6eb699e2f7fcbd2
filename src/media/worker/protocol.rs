//! What is said on the pipe. The worker greets first, then answers one request after the other.
//!
//! ```text
//! worker                     server
//!   Hello            ->
//!                    <-   Request (payload: the job's input)
//!   Part … Part      ->        (payload: pieces of the job's output, in order)
//!   Done | Failed    ->
//! ```
//!
//! End of file on its input ends the worker. One that plays greets in the same way; what follows is in `media/play`.

use serde::{Deserialize, Serialize};

use super::job::{Job, Outcome};

/// Version of everything in this module, [`super::frame`] and [`super::job`]. Both executables come from one package; a
/// difference means that an upgrade is half done.
pub const VERSION: u16 = 4;

/// The worker's first words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`] of the worker.
    pub version: u16,
    /// Version of the package it came with.
    pub package: String,
    /// Version of libavcodec, as `major.minor.micro`.
    pub libavcodec: String,
    /// What holds it.
    pub confinement: Confinement,
}

/// What holds the worker. Each that the kernel refused is `false` or `None`, and said in `refused`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// It can gain no rights by running something.
    pub no_new_privs: bool,
    /// Limits on memory, processor time, descriptors and core files.
    pub limits: bool,
    /// No file can be opened, no port bound or connected (Landlock), and how completely the kernel enforces that.
    pub landlock: Landlock,
    /// System calls other than a few harmless ones are refused.
    pub seccomp: bool,
    /// What is missing and why, for people.
    pub refused: Vec<String>,
}

impl Confinement {
    /// Whether all of it is in place. An old kernel's Landlock, which lacks a few rights, counts.
    pub fn complete(&self) -> bool {
        self.no_new_privs && self.limits && self.landlock != Landlock::None && self.seccomp
    }
}

/// How far the kernel enforces Landlock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Landlock {
    /// Not at all.
    #[default]
    None,
    /// Those rights that this kernel knows.
    Partial,
    /// All that we ask for.
    Full,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Repeated in every answer to it.
    pub id: u64,
    /// What to do.
    pub job: Job,
}

/// The worker's answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// See [`Hello`].
    Hello(Hello),
    /// A piece of the output, in the payload.
    Part {
        /// Of which request.
        id: u64,
    },
    /// The job is done.
    Done {
        /// Which request.
        id: u64,
        /// What became of it.
        outcome: Outcome,
    },
    /// The job cannot be done. The worker is well and takes the next.
    Failed {
        /// Which request.
        id: u64,
        /// Why, for people.
        reason: String,
    },
}
