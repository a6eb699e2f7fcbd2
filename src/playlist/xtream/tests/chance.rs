//! Any value in any place.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

const NAMES: [&str; 22] = [
    "stream_id",
    "num",
    "name",
    "stream_type",
    "stream_icon",
    "epg_channel_id",
    "category_id",
    "category_ids",
    "category_name",
    "tv_archive",
    "tv_archive_duration",
    "user_info",
    "server_info",
    "auth",
    "status",
    "exp_date",
    "is_trial",
    "max_connections",
    "active_cons",
    "allowed_output_formats",
    "0",
    "timestamp_now",
];

fn name() -> impl Strategy<Value = String> {
    prop_oneof![8 => proptest::sample::select(NAMES.as_slice()).prop_map(str::to_owned), 1 => "\\PC{0,6}", 1 => "[0-9]{1,3}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0i64..20).prop_map(Value::from),
        (0i64..20).prop_map(|number| Value::from(number.to_string())),
        "\\PC{0,12}".prop_map(Value::from),
        proptest::sample::select(["", "Active", "Expired", "live", "2025-05-09 23:23:58", "-1", "1e400", "NaN"].as_slice())
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((name(), inner), 0..8).prop_map(|fields| Value::from(Map::from_iter(fields))),
        ]
    })
}

/// A channel of which one field is anything.
fn channel() -> impl Strategy<Value = Value> {
    (0u32..1000, proptest::option::of((name(), value()))).prop_map(|(id, odd)| {
        let mut channel = json!({"stream_id": id, "num": 1, "name": "One", "category_id": "1", "tv_archive": 0});
        if let (Value::Object(fields), Some((name, value))) = (&mut channel, odd) {
            fields.insert(name, value);
        }
        channel
    })
}

/// A reader that gives pieces of one size.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.1.min(buffer.len());
        self.0.read(&mut buffer[..size])
    }
}

fn outcome(input: impl Read) -> Result<(Vec<Entry>, Vec<u64>), String> {
    read_with(input, &Categories::default()).map_err(|error| error.to_string())
}

proptest! {
    #[test]
    fn any_value_is_an_answer(value in value()) {
        let text = value.to_string();
        let _ = account_info(text.as_bytes());
        let _ = categories(text.as_bytes());
        let found = outcome(text.as_bytes());
        if let Value::Array(elements) = &value {
            let (entries, broken) = found.unwrap();
            prop_assert_eq!(entries.len() + broken.len(), elements.len());
        }
    }

    #[test]
    fn one_odd_channel_costs_no_other(channels in proptest::collection::vec(channel(), 0..20), numbered in any::<bool>()) {
        let sound = channels.iter().filter(|channel| channel["stream_id"].is_u64()).count();
        let count = channels.len();
        let list = match numbered {
            true => Value::Object(channels.into_iter().enumerate().map(|(at, channel)| (at.to_string(), channel)).collect()),
            false => Value::from(channels),
        };
        let (entries, broken) = outcome(list.to_string().as_bytes()).unwrap();
        prop_assert!(entries.len() >= sound);
        prop_assert_eq!(entries.len() + broken.len(), count);
    }

    #[test]
    fn pieces_of_any_size_give_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..300), size in 1usize..40, quoted in any::<bool>()) {
        let bytes = if quoted { [b"[{\"stream_id\":1,\"name\":\"", bytes.as_slice(), b"\"}]"].concat() } else { bytes };
        prop_assert_eq!(outcome(bytes.as_slice()), outcome(Pieces(&bytes, size)));
        let _ = account_info(bytes.as_slice());
        let _ = categories(bytes.as_slice());
    }

    #[test]
    fn a_string_of_any_bytes_stays_one(bytes in proptest::collection::vec(any::<u8>().prop_filter("ends it", |byte| *byte != b'"'), 0..200)) {
        // A `\` at the end would take the quote along.
        let json = [b"[{\"name\":\"", bytes.as_slice(), b" \",\"stream_id\":1}]"].concat();
        let (entries, _) = outcome(json.as_slice()).unwrap();
        prop_assert_eq!(entries.len(), 1);
    }

    #[test]
    fn what_breaks_off_is_an_error(channels in proptest::collection::vec(channel(), 1..9), at in any::<proptest::sample::Index>()) {
        let text = Value::from(channels).to_string();
        let cut = at.index(text.len() - 1) + 1;
        let error = read_with(&text.as_bytes()[..cut], &Categories::default()).unwrap_err();
        prop_assert!(matches!(error, XtreamError::Truncated { .. }), "{} at {}", error, cut);
    }
}
