//! The settings file: TOML. Keys that are not known are refused, with their line and what was probably meant.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Origin};
use super::key::{KEYS, Key, Shape, meant};
use super::resolve::Given;

/// The settings in a file's text.
///
/// # Errors
/// When it is not TOML, or has keys or kinds of values that do not exist.
pub fn parse(text: &str, path: &Path) -> Result<Vec<Given>, ConfigError> {
    let reader = Reader { text, path };
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        line: reader.line(error.span().map_or(0, |span| span.start)),
        reason: error.message().to_owned(),
    })?;
    let mut given = Vec::new();
    reader.table("", table.get_ref(), &mut given)?;
    Ok(given)
}

struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Reader<'_> {
    fn table(&self, prefix: &str, table: &DeTable<'_>, given: &mut Vec<Given>) -> Result<(), ConfigError> {
        for (name, value) in table {
            let key = format!("{prefix}{}", name.get_ref());
            let origin = Origin::File { path: self.path.to_owned(), line: self.line(name.span().start) };
            if let Some(known) = Key::of(&key) {
                given.push(Given { key: known, values: self.values(known, value, &origin)?, origin });
                continue;
            }
            let below = format!("{key}.");
            match value.get_ref() {
                DeValue::Table(inner) if KEYS.iter().any(|key| key.name.starts_with(&below)) => {
                    self.table(&below, inner, given)?;
                }
                _ => {
                    let meant = meant(&key, KEYS.iter().map(|key| key.name)).map(str::to_owned);
                    return Err(ConfigError::UnknownKey { origin, key, meant });
                }
            }
        }
        Ok(())
    }

    fn values(&self, key: &'static Key, value: &Spanned<DeValue<'_>>, origin: &Origin) -> Result<Vec<String>, ConfigError> {
        let found = match (value.get_ref(), key.shape) {
            (DeValue::Array(items), Shape::Many | Shape::ManyByBlanks) => items.iter().map(scalar).collect(),
            (DeValue::Boolean(switch), Shape::Switch) => Some(vec![switch.to_string()]),
            (_, _) => scalar(value).map(|one| vec![one]),
        };
        found.ok_or_else(|| ConfigError::BadValue {
            key: key.name,
            value: value.get_ref().type_str().to_owned(),
            origin: origin.clone(),
            advice: match key.shape {
                Shape::Switch => "give true or false".to_owned(),
                Shape::One => "give one text in quotes, or a number".to_owned(),
                Shape::Many | Shape::ManyByBlanks => "give texts in quotes, between brackets".to_owned(),
            },
        })
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }
}

fn scalar(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row = (&'static str, Vec<String>, String);

    fn read(text: &str) -> Result<Vec<Row>, String> {
        let given = parse(text, Path::new("r.toml")).map_err(|error| error.to_string())?;
        Ok(given.into_iter().map(|given| (given.key.name, given.values, given.origin.to_string())).collect())
    }

    #[test]
    fn values_know_their_line() {
        let read = read("# one\nlisten = [\"[::]:80?\", \"0.0.0.0:5004\"]\n\ntuners = 3\nplaylist = \"a b,c.m3u\"\n").unwrap();
        assert_eq!(
            read,
            [
                ("listen", vec!["[::]:80?".to_owned(), "0.0.0.0:5004".to_owned()], "r.toml:2".to_owned()),
                ("playlist", vec!["a b,c.m3u".to_owned()], "r.toml:5".to_owned()),
                ("tuners", vec!["3".to_owned()], "r.toml:4".to_owned()),
            ]
        );
        assert!(read.len() == 3 && super::parse("", Path::new("r")).unwrap().is_empty());
    }

    #[rstest::rstest]
    #[case("\nlisen = []", "r.toml:2: there is no setting \"lisen\"; did you mean \"listen\"?")]
    #[case("no_such_key = 1", "r.toml:1: there is no setting \"no_such_key\"")]
    #[case("[log]\nlevel = 1", "log = \"table\" (r.toml:1) cannot be used: give one text in quotes, or a number")]
    #[case("[other]\nlevel = 1", "r.toml:1: there is no setting \"other\"")]
    #[case("log = [\"info\"]", "log = \"array\" (r.toml:1) cannot be used: give one text in quotes, or a number")]
    #[case("hosts = [true]", "hosts = \"array\" (r.toml:1) cannot be used: give texts in quotes, between brackets")]
    #[case("tuners = true", "tuners = \"boolean\" (r.toml:1) cannot be used: give one text in quotes, or a number")]
    #[case("recovery.fail_back = []", "recovery.fail_back = \"array\" (r.toml:1) cannot be used: give true or false")]
    #[case("tuners = 1.5", "tuners = \"float\" (r.toml:1) cannot be used: give one text in quotes, or a number")]
    fn what_does_not_exist_is_refused(#[case] text: &str, #[case] message: &str) {
        assert_eq!(read(text).unwrap_err(), message);
    }

    #[test]
    fn what_is_not_toml_is_refused_with_its_line() {
        let error = read("log = \"info\"\nlisten = 0.0.0.0:80\n").unwrap_err();
        assert!(error.starts_with("r.toml:2: not TOML: "), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text: String) {
            let _ = read(&text);
        }
    }
}
