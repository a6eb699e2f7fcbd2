//! How devices are found, as people write it: `off`, or some of `udp`, `udp!`, `ssdp`, `mdns`. Pure.

use super::{DiscoverySettings, Udp};
use crate::hdhr::interfaces::Scope;

impl DiscoverySettings {
    /// Reads the words; without any nothing is announced.
    ///
    /// # Errors
    /// When a word is none of those, or `off` is not alone; with what would be right.
    pub fn of(words: &[String], interfaces: &[String]) -> Result<Self, String> {
        let scope = Scope { interfaces: interfaces.to_vec(), ..Scope::default() };
        let mut settings = Self { udp: Udp::Off, ssdp: false, mdns: false, scope };
        for word in words {
            match word.as_str() {
                "udp" if settings.udp == Udp::Off => settings.udp = Udp::Auto,
                "udp" => {}
                "udp!" => settings.udp = Udp::Insist,
                "ssdp" => settings.ssdp = true,
                "mdns" => settings.mdns = true,
                "off" if words.len() == 1 => {}
                "off" => return Err("`off` stands alone".to_owned()),
                other => return Err(format!("{other:?} is none of udp, udp!, ssdp, mdns; or say `off`")),
            }
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &str) -> Result<(Udp, bool, bool), String> {
        let words: Vec<String> = words.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        DiscoverySettings::of(&words, &[]).map(|settings| (settings.udp, settings.ssdp, settings.mdns))
    }

    #[rstest::rstest]
    #[case("off", (Udp::Off, false, false))]
    #[case("", (Udp::Off, false, false))]
    #[case("udp", (Udp::Auto, false, false))]
    #[case("udp! mdns", (Udp::Insist, false, true))]
    #[case("udp! udp", (Udp::Insist, false, false))]
    #[case("ssdp udp mdns", (Udp::Auto, true, true))]
    fn words_are_read(#[case] words: &str, #[case] expected: (Udp, bool, bool)) {
        assert_eq!(of(words).unwrap(), expected);
    }

    #[rstest::rstest]
    #[case("off udp", "alone")]
    #[case("upnp", "\"upnp\" is none of udp, udp!, ssdp, mdns")]
    fn wrong_words(#[case] words: &str, #[case] expected: &str) {
        let error = of(words).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn interfaces_limit_where() {
        let settings = DiscoverySettings::of(&["udp".into()], &["eth0".into()]).unwrap();
        assert_eq!(settings.scope.interfaces, ["eth0"]);
        assert_eq!(
            DiscoverySettings::of(&["udp".into(), "ssdp".into(), "mdns".into()], &[]).unwrap(),
            DiscoverySettings::default()
        );
    }
}
