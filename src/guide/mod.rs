//! L3: the guide: XMLTV in and out, which channel of a guide is which of ours, what is on now.

pub mod difference;
pub mod export;
pub mod gaps;
pub mod mapping;
pub mod matcher;
pub mod now;
pub mod now_next;
pub mod reading;
pub mod refresh;
pub mod xmltv;
