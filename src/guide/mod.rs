//! L3: the guide: XMLTV in and out, which channel of a guide is which of ours, what is on now.

pub mod matcher;
pub mod xmltv;
pub mod export;
pub mod gaps;
pub mod now_next;
