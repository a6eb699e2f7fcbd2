//! SRT: who calls, what is agreed on, and the connections. The protocol itself is `srt-protocol`'s; sockets, time and policy
//! are ours.
//!
//! Who is called by us ([`Calls`]) has a socket of its own; the rest is the same.
//!
//! Bytes go `port → inbox → connection → Publisher`. A port has one task, which reads datagrams, answers handshakes and sorts
//! the rest by the socket id they are meant for; each connection has a task of its own, so that one in trouble is alone with it.

mod call;
mod connection;
mod dial;
mod failure;
pub mod handshake;
mod inbox;
mod output;
mod patience;
pub mod policy;
mod port;

pub use call::Calls;
pub use policy::Rules;
pub use port::{Bound, Ports, bind};
