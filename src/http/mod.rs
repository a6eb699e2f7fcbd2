//! L2: the HTTP toolkit: listeners, bodies with deadlines, replies, access rules, assets. No product routes.
//!
//! hyper serves (HTTP/1.1 and 1.0), axum routes. Every request carries a [`Peer`] and a [`Link`] in its extensions.

pub mod access;
pub mod admission;
pub mod assets;
pub mod body;
mod connection;
mod deadline;
mod endless;
pub mod json;
pub mod link;
pub mod reply;
pub mod server;

pub use access::Access;
pub use body::StreamBody;
pub use link::{End, Link};
pub use server::{Limits, Peer};
