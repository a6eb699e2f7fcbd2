//! A player's worker: it is given a channel's transport stream and gives back fragmented MP4 that browsers play. The words both
//! sides speak, what the worker decides ([`cutter`]), and the server's side ([`Player`]).
//!
//! One process for one player: a decoder that crashes on what a channel sends costs one picture. It must not know where the stream
//! comes from, nor who looks.

pub mod cutter;
mod player;
pub mod words;

pub use player::{PlayError, Player};
