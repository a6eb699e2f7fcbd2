//! Parameter sets and frame headers of anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooftop::codec::{aac, ac3, av1, dts, h264, hevc, jpegxs, mpa, mpeg2, mpeg4, start_code};

fuzz_target!(|bytes: &[u8]| {
    for (_, used) in [aac::adts(bytes), aac::loas(bytes), ac3::frame(bytes), dts::frame(bytes), mpa::frame(bytes)].into_iter().flatten() {
        assert!(used > 0, "a frame of no bytes would be read for ever");
    }
    let _ = (mpa::smpte_302m(bytes), jpegxs::access_unit(bytes), mpeg2::sequence(bytes), mpeg2::is_intra_picture(bytes));
    let _ = (h264::sequence_parameter_set(bytes), h264::is_intra_slice(bytes), hevc::sequence_parameter_set(bytes));
    let _ = (h264::has_sei(bytes, 1, 5), h264::has_sei(bytes, 2, 6), mpeg4::is_intra_vop(bytes), av1::sequence_header(bytes));
    let _ = (av1::obus(bytes).count(), av1::escaped_sequence_header(bytes), mpeg2::carriage(bytes));
    let mut from = 0;
    while let Some(at) = start_code::find(bytes, from) {
        assert!(at >= from && at < bytes.len());
        from = at + 3;
    }
});
