//! L7: wires everything together and runs it: the store, the tuner, HTTP, discovery, the jobs.

mod admin;
mod channels;
mod demo;
mod descriptions;
mod devices;
mod feeds;
mod guides;
mod health;
mod history;
mod identity;
mod import;
mod inputs;
mod listen;
mod outputs;
mod ports;
mod process;
mod publish;
mod rack;
mod routes;
mod schedule;
mod shutdown;
mod wire;

pub use shutdown::{Ended, is_service};
pub use wire::run;
