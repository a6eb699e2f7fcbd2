//! Settings in the environment: `ROOFTOP_LISTEN` for `listen`, and so on by rule.

use super::error::Origin;
use super::key::{ENV_PREFIX, KEYS, Key, Shape, meant};
use super::resolve::Given;

/// Names the settings file.
pub const CONFIG: &str = "ROOFTOP_CONFIG";

/// Variables that begin like settings and are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// The name.
    pub name: String,
    /// What was probably meant.
    pub meant: Option<String>,
}

/// The settings among variables, and those that look like settings. An empty variable says nothing.
pub fn parse(variables: impl IntoIterator<Item = (String, String)>) -> (Vec<Given>, Vec<Stray>) {
    let names: Vec<(String, &Key)> = KEYS.iter().map(|key| (key.env_name(), key)).collect();
    let (mut given, mut stray) = (Vec::new(), Vec::new());
    for (name, value) in variables.into_iter().filter(|(name, _)| name.starts_with(ENV_PREFIX) && name != CONFIG) {
        match names.iter().find(|(known, _)| *known == name) {
            Some((_, key)) => {
                let values = split(key.shape, &value);
                if !values.is_empty() {
                    given.push(Given { key, values, origin: Origin::Env(name) });
                }
            }
            None => {
                let bare = name.trim_start_matches(ENV_PREFIX).to_ascii_lowercase();
                let meant = meant(&bare, KEYS.iter().map(|key| key.name)).and_then(Key::of).map(Key::env_name);
                stray.push(Stray { name, meant });
            }
        }
    }
    (given, stray)
}

fn split(shape: Shape, value: &str) -> Vec<String> {
    let pieces: Vec<&str> = match shape {
        Shape::One | Shape::Switch => vec![value.trim()],
        Shape::Many => value.split(|char: char| char == ',' || char.is_whitespace()).collect(),
        Shape::ManyByBlanks => value.split_whitespace().collect(),
    };
    pieces.into_iter().filter(|piece| !piece.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("ROOFTOP_LISTEN", "0.0.0.0:5004,[::]:80?", &["0.0.0.0:5004", "[::]:80?"])]
    #[case("ROOFTOP_DISCOVERY", "udp, mdns", &["udp", "mdns"])]
    #[case("ROOFTOP_PLAYLIST", "http://h/a,b?c=1 /srv/x.m3u", &["http://h/a,b?c=1", "/srv/x.m3u"])]
    #[case("ROOFTOP_DATA_DIR", " /srv/my tv ", &["/srv/my tv"])]
    #[case("ROOFTOP_LOG", "info,rooftop::session=debug", &["info,rooftop::session=debug"])]
    fn values(#[case] name: &str, #[case] value: &str, #[case] expected: &[&str]) {
        let (given, stray) = parse([(name.to_owned(), value.to_owned())]);
        assert_eq!((given.len(), stray.len()), (1, 0));
        assert_eq!(given[0].values, expected);
        assert_eq!(given[0].origin, Origin::Env(name.to_owned()));
    }

    #[test]
    fn empty_ones_and_those_of_others_say_nothing() {
        let variables =
            [("ROOFTOP_LISTEN", ""), ("ROOFTOP_CONFIG", "/x"), ("PATH", "/bin"), ("ROOFTOP_LISEN", "x"), ("ROOFTOP_Q", "")];
        let (given, stray) = parse(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(given.is_empty());
        let meant: Vec<_> = stray.iter().map(|stray| stray.meant.as_deref()).collect();
        assert_eq!(meant, [Some("ROOFTOP_LISTEN"), None]);
    }
}
