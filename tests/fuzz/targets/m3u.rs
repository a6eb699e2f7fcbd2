//! Playlists of anything: the same events however the bytes are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooftop::playlist::m3u::Parser;

fn events(bytes: &[u8], size: usize) -> (Vec<String>, bool) {
    let (mut parser, mut found) = (Parser::new(), Vec::new());
    for chunk in bytes.chunks(size) {
        if parser.push(chunk, &mut |event| found.push(format!("{event:?}"))).is_err() {
            return (found, false);
        }
    }
    let done = parser.finish(&mut |event| found.push(format!("{event:?}"))).is_ok();
    (found, done)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&size, text)) = bytes.split_first() else { return };
    assert_eq!(events(text, text.len().max(1)), events(text, 1 + usize::from(size)));
});
