//! JSON from outside, read as strictly as its schemas say: an object is an object and not a list of its members, which serde would
//! take as well, and a number is a whole one however it is written (`3.0` is `3`).

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde_json::{Error, Value};

/// 2^53: up to here every whole number has a place of its own among the floating ones.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads what the bytes say.
///
/// # Errors
/// When they are no JSON, or not what is wanted.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let value: Value = serde_json::from_slice(bytes)?;
    match serde_json::from_slice::<T>(bytes) {
        // It says where, and finds members that are there twice.
        Err(error) if !has_fractions(&value) => Err(error),
        _ => T::deserialize(Strict(&value)),
    }
}

fn has_fractions(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(list) => list.iter().any(has_fractions),
        Value::Object(object) => object.values().any(has_fractions),
        _ => false,
    }
}

/// The number that is meant, if it is a whole one.
fn whole(value: &Value) -> Option<i64> {
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT)?;
    Some(number as i64)
}

#[derive(Clone, Copy)]
struct Strict<'de>(&'de Value);

impl<'de> IntoDeserializer<'de, Error> for Strict<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Strict<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(object) => {
                visitor.visit_map(MapDeserializer::new(object.iter().map(|(name, value)| (name.as_str(), Strict(value)))))
            }
            Value::Array(list) => visitor.visit_seq(SeqDeserializer::new(list.iter().map(Strict))),
            Value::Number(number) if number.is_f64() => match whole(self.0) {
                Some(whole) if whole >= 0 => visitor.visit_u64(whole.unsigned_abs()),
                Some(whole) => visitor.visit_i64(whole),
                None => self.0.deserialize_any(visitor),
            },
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(_) => Err(Error::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct
        map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Thing {
        number: Option<i64>,
        small: u8,
        names: Vec<String>,
        part: Option<Box<Thing>>,
    }

    #[rstest::rstest]
    #[case(r#"{"number": 3, "small": 4.0, "names": ["a"], "part": {"number": -2.0}}"#, Some(3), 4)]
    #[case(r#"{"number": null}"#, None, 0)]
    #[case(r#"{"number": -9223372036854775808}"#, Some(i64::MIN), 0)]
    fn what_is_right_is_read(#[case] text: &str, #[case] number: Option<i64>, #[case] small: u8) {
        let thing: Thing = read(text.as_bytes()).unwrap();
        assert_eq!((thing.number, thing.small), (number, small));
        assert!(thing.part.is_none_or(|part| part.number == Some(-2)));
    }

    #[rstest::rstest]
    #[case::a_list("[3, 4]", "invalid type: sequence")]
    #[case::a_list_inside(r#"{"part": [3, 4]}"#, "invalid type: sequence")]
    #[case::no_whole_number(r#"{"number": 3.5}"#, "floating point")]
    #[case::too_large(r#"{"small": 256.0}"#, "256")]
    #[case::too_exact(r#"{"number": 1e300}"#, "floating point")]
    #[case::unknown(r#"{"other": 1}"#, "unknown field")]
    #[case::unknown_beside_a_fraction(r#"{"other": 1.0}"#, "unknown field")]
    #[case::twice(r#"{"small": 1, "small": 2}"#, "duplicate field")]
    #[case::text(r#"{"small": "1"}"#, "invalid type: string")]
    #[case::nothing("", "EOF")]
    fn what_is_not_is_refused(#[case] text: &str, #[case] told: &str) {
        let error = read::<Thing>(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}
