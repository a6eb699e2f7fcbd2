//! Lists of panels, element by element: a hundred megabytes are read in the memory of one element.
//!
//! PHP knows one kind of list only, so that `{"0": {…}, "1": {…}}` is a list too. `null`, `false` and an empty text stand where a
//! panel failed to make the list: an error, since an empty list (`[]`, `{}`) says that there is nothing, and this does not.

use std::fmt;
use std::io::{BufReader, Read};
use std::ops::ControlFlow;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::XtreamError;
use super::info;
use super::loose::{Anything, Loose};
use super::mended::Mended;

/// Most bytes of one list: against an endless one.
const MOST: u64 = 4 << 30;

/// Names of the fields that are wanted of an element. The first one is what makes it an element.
pub(super) type Wanted = &'static [&'static str];

/// The wanted fields of an element, in their order.
pub(super) struct Element {
    wanted: Wanted,
    values: Vec<Loose>,
}

impl Element {
    /// A field's value, also where the element has none.
    pub fn get(&self, name: &str) -> &Loose {
        const NOTHING: &Loose = &Loose::Nothing;
        let at = self.wanted.iter().position(|wanted| *wanted == name);
        at.and_then(|at| self.values.get(at)).unwrap_or(NOTHING)
    }
}

/// Reads a list and tells `each` about its elements with their places, counted from 1, until it has enough. What is no element
/// is told as `None`. `what` is the list's name. Tells whether it read to the end.
pub(super) fn read(
    input: impl Read,
    what: &'static str,
    wanted: Wanted,
    mut each: impl FnMut(u64, Option<Element>) -> ControlFlow<()>,
) -> Result<bool, XtreamError> {
    let mut state = State { elements: 0, stopped: false, found: Found::List };
    let mut mended = Mended::new(input, MOST);
    let result = {
        let mut parser = serde_json::Deserializer::from_reader(BufReader::with_capacity(32 * 1024, &mut mended));
        parser.deserialize_any(List { wanted, each: &mut each, state: &mut state })
    };
    match result {
        // The parser minds that the rest was not read.
        _ if state.stopped => Ok(false),
        Err(error) => Err(XtreamError::of_parser(error, &mut mended, state.elements)),
        Ok(()) => match state.found {
            Found::List => Ok(true),
            Found::Nothing => Err(XtreamError::Nothing),
            Found::Other => Err(XtreamError::Unexpected(what)),
            Found::Login(user) => Err(info::refusal(&user).unwrap_or(XtreamError::Unexpected(what))),
        },
    }
}

struct State {
    elements: u64,
    stopped: bool,
    found: Found,
}

/// What was found where the list should be.
enum Found {
    List,
    Nothing,
    Other,
    /// The account.
    Login(Loose),
}

struct List<'a, F> {
    wanted: Wanted,
    each: &'a mut F,
    state: &'a mut State,
}

impl<F: FnMut(u64, Option<Element>) -> ControlFlow<()>> List<'_, F> {
    fn tell(&mut self, element: Option<Element>) {
        self.state.elements += 1;
        self.state.stopped = (self.each)(self.state.elements, element).is_break();
    }
}

impl<'de, F: FnMut(u64, Option<Element>) -> ControlFlow<()>> Visitor<'de> for List<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element_seed(Fields(self.wanted))? {
            self.tell(element);
            if self.state.stopped {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<(), A::Error> {
        let (mut others, mut user) = (false, None);
        while let Some(key) = object.next_key_seed(Key)? {
            match key {
                Name::User => user = Some(object.next_value_seed(Anything(1))?),
                Name::Auth => {
                    let auth = object.next_value_seed(Anything(0))?;
                    user = user.or_else(|| Some(Loose::Object([("auth".to_owned(), auth)].into())));
                }
                name => match object.next_value_seed(Fields(self.wanted))? {
                    Some(element) if matches!(name, Name::Number) || element.values.first() != Some(&Loose::Nothing) => {
                        self.tell(Some(element));
                    }
                    None if matches!(name, Name::Number) => self.tell(None),
                    _ => others = true,
                },
            }
            if self.state.stopped {
                return Ok(());
            }
        }
        if self.state.elements == 0 {
            self.state.found = match user {
                Some(user) => Found::Login(user),
                None if others => Found::Other,
                None => Found::List,
            };
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.state.found = Found::Nothing;
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.state.found = if value { Found::Other } else { Found::Nothing };
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.state.found = if value.trim().is_empty() { Found::Nothing } else { Found::Other };
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.state.found = Found::Other;
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.state.found = Found::Other;
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.state.found = Found::Other;
        Ok(())
    }
}

/// A key of an object that stands for a list.
struct Key;

enum Name {
    Number,
    User,
    Auth,
    Other,
}

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Name, E> {
        Ok(match key {
            "user_info" => Name::User,
            "auth" => Name::Auth,
            _ if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit()) => Name::Number,
            _ => Name::Other,
        })
    }
}

/// An element's wanted fields; `None` for what is no object.
#[derive(Clone, Copy)]
struct Fields(Wanted);

impl<'de> DeserializeSeed<'de> for Fields {
    type Value = Option<Element>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Fields {
    type Value = Option<Element>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut values = vec![Loose::Nothing; self.0.len()];
        while let Some(at) = object.next_key_seed(Field(self.0))? {
            match at.and_then(|at| values.get_mut(at)) {
                Some(value) => *value = object.next_value_seed(Anything(1))?,
                None => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Some(Element { wanted: self.0, values }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// A field's place among the wanted ones.
struct Field(Wanted);

impl<'de> DeserializeSeed<'de> for Field {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Field {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|wanted| wanted.eq_ignore_ascii_case(key)))
    }
}
