//! Values of panels' answers. The same field is a number here, a string there, and `null`, `false` or missing elsewhere: what is
//! read is what was meant.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Most members of a list that are kept.
const MEMBERS: usize = 64;
/// Most fields of an object that are kept.
const FIELDS: usize = 128;

/// A value, without what nobody needs.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Loose {
    /// `null`, or missing.
    #[default]
    Nothing,
    Bool(bool),
    Whole(i64),
    Real(f64),
    Text(String),
    List(Vec<Loose>),
    /// Fields by their names in lower case.
    Object(BTreeMap<String, Loose>),
}

impl Loose {
    /// What can be shown: text that is not empty, or a number as it is written.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Self::Whole(number) => Some(number.to_string()),
            Self::Real(number) if number.is_finite() => Some(number.to_string()),
            _ => None,
        }
    }

    /// A whole number, also one that is written as text or with decimals.
    pub fn whole(&self) -> Option<i64> {
        match self {
            Self::Bool(value) => Some(i64::from(*value)),
            Self::Whole(number) => Some(*number),
            Self::Real(number) => truncated(*number),
            Self::Text(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| truncated(text.parse().ok()?))
            }
            _ => None,
        }
    }

    /// A number that is not negative and not too large.
    pub fn count(&self) -> Option<u32> {
        self.whole().and_then(|number| u32::try_from(number).ok())
    }

    /// Yes or no; neither for anything else.
    pub fn flag(&self) -> Option<bool> {
        match self {
            Self::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Some(true),
                "false" | "no" | "off" | "" => Some(false),
                _ => self.whole().map(|number| number != 0),
            },
            _ => self.whole().map(|number| number != 0),
        }
    }

    /// A list's members; one value alone is a list of one.
    pub fn members(&self) -> Vec<&Loose> {
        match self {
            Self::Nothing => Vec::new(),
            Self::List(members) => members.iter().collect(),
            Self::Object(fields) => fields.values().collect(),
            other => vec![other],
        }
    }

    /// An object's field; nothing for what is no object.
    pub fn field(&self, name: &str) -> &Loose {
        const NOTHING: &Loose = &Loose::Nothing;
        match self {
            Self::Object(fields) => fields.get(name).unwrap_or(NOTHING),
            _ => NOTHING,
        }
    }
}

fn truncated(number: f64) -> Option<i64> {
    // Beyond this, numbers of this kind are not exact.
    (number.abs() < 9e15).then_some(number as i64)
}

/// Reads a value with so many lists and objects within each other; deeper ones are passed over.
#[derive(Clone, Copy)]
pub(super) struct Anything(pub u8);

impl<'de> DeserializeSeed<'de> for Anything {
    type Value = Loose;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Loose, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Anything {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Loose, E> {
        Ok(Loose::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Loose, E> {
        Ok(Loose::Whole(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Loose, E> {
        Ok(i64::try_from(value).map_or(Loose::Real(value as f64), Loose::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Loose, E> {
        Ok(Loose::Real(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Loose, E> {
        Ok(Loose::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Loose, A::Error> {
        let mut members = Vec::new();
        let within = self.0.checked_sub(1).map(Self);
        while let Some(within) = within.filter(|_| members.len() < MEMBERS) {
            let Some(member) = list.next_element_seed(within)? else { return Ok(Loose::List(members)) };
            members.push(member);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::List(members))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Loose, A::Error> {
        let mut fields = BTreeMap::new();
        let within = self.0.checked_sub(1).map(Self);
        while let Some(within) = within.filter(|_| fields.len() < FIELDS) {
            let Some(name) = object.next_key::<String>()? else { return Ok(Loose::Object(fields)) };
            fields.insert(name.to_ascii_lowercase(), object.next_value_seed(within)?);
        }
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Object(fields))
    }
}
