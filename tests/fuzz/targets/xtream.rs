//! Answers of panels, of anything: the same however the bytes are cut, every element told once; and accounts of any text.
#![no_main]

use std::io::Read;
use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use rooftop::playlist::xtream::{Account, Categories, Format, account_info, categories, streams, warning};

/// A reader that gives pieces of one size.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.1.min(buffer.len());
        self.0.read(&mut buffer[..size])
    }
}

fn found(input: impl Read, account: &Account) -> (Vec<String>, String) {
    let mut events = Vec::new();
    let listing = streams(input, account, &Categories::default(), Format::Ts, |event| {
        events.push(format!("{event:?}"));
        ControlFlow::Continue(())
    });
    if let Ok(listing) = &listing {
        assert_eq!(listing.entries + listing.broken, events.len() as u64);
    }
    (events, format!("{listing:?}"))
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&size, text)) = bytes.split_first() else { return };
    let account = Account::new("http://h:8080", "u", "p").expect("this is an account");
    assert_eq!(found(text, &account), found(Pieces(text, 1 + usize::from(size)), &account));
    let _ = categories(text);
    if let Ok(info) = account_info(text) {
        let _ = warning(&info, 1_761_674_900_000).map(|warning| warning.to_string());
    }
    if let Ok(text) = std::str::from_utf8(text) {
        let _ = Account::in_address(text);
        if let Ok(account) = Account::new(text, "", "") {
            assert_eq!(Account::from_location(&account.location()), Ok(account));
        }
    }
});
