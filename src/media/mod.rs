//! L2: derived media. Codecs are libav's, in the confined worker; everything here is its client side and plain bytes.

pub mod clip;
pub mod fmp4;
pub mod play;
pub mod still;
pub mod worker;
