//! L1: MPEG transport streams over `&[u8]` (ISO/IEC 13818-1). No I/O, no clock, no logging, no allocation per packet.
//!
//! In: [`input::Input`] (alignment, tables, choice of a programme, marks). Out: [`splice::Splice`] (one programme for
//! ever, rewritten where it lies, by an [`edit::Edit`]), and [`mux::Muxer`] for access units that come from elsewhere.

pub mod adaptation;
pub mod choice;
pub mod continuity;
pub mod descriptor;
mod early;
pub mod edit;
mod follower;
mod hold;
pub mod input;
pub mod keyframe;
mod lanes;
pub mod lead_in;
pub mod leap;
mod mend;
pub mod mux;
mod outputs;
pub mod packet;
pub mod pat;
pub mod pes;
pub mod pmt;
mod probe;
pub mod programme;
pub mod sdt;
pub mod section;
pub mod silent;
pub mod splice;
pub mod stats;
pub mod sync;
pub mod time;
pub mod units;
pub mod whole;

/// Bytes in a transport packet (13818-1, 2.4.3.2).
pub const PACKET: usize = 188;

/// A transport packet's bytes, sync byte included.
pub type RawPacket = [u8; PACKET];
