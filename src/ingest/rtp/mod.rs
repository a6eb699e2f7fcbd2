//! Streams that are pushed by RTP: the ports they come to, what they are called, and their way to whoever reads them.
//!
//! [`port`] reads datagrams and hands them to a table of `crate::rtp`, which knows who is real and what is next. What comes out of it
//! belongs to the streams of the port (`streams`), each of which is called by a name that `naming` decides upon. RTP knows no names and no
//! connections: a stream is known by its port, its group, or its sender's address, and it is over when nothing comes any more.
//!
//! Elementary streams that belong together need a description (`crate::ingest::sdp`): [`described`] receives those of one, each at its port, and
//! `assembly` makes a programme of a transport stream of them. What comes to a port without one is looked at (`guess`), and is a programme by itself.

mod assembly;
pub mod described;
mod guess;
mod made;
mod naming;
pub mod port;
mod socket;
mod streams;

pub use described::Described;
pub use port::{Bound, Ports, bind};
