//! What each setting does, in the words of the shipped example file, so that there is one place for them.

use super::key::Key;

/// The example file, which a test holds to what the program does.
pub(super) const EXAMPLE: &str = include_str!("../../packaging/rooftop.toml");

/// What a key does; empty for one that the example does not explain.
pub fn help(key: &Key) -> String {
    help_in(EXAMPLE, key.name)
}

/// What a table of the file is about, by its name; empty for one that is not introduced.
pub fn about(table: &str) -> String {
    let header = format!("[{table}]");
    let paragraph = EXAMPLE.split("\n\n").find(|paragraph| paragraph.lines().any(|line| line == header));
    paragraph.map(prose).unwrap_or_default()
}

/// The table of a key; nothing for those that are in none.
pub fn table_of(key: &Key) -> &'static str {
    key.name.rsplit_once('.').map_or("", |(table, _)| table)
}

/// The paragraph that has a key's line explains it.
fn help_in(text: &str, name: &str) -> String {
    let (wanted_table, wanted) = name.rsplit_once('.').unwrap_or(("", name));
    let mut table = "";
    for paragraph in text.split("\n\n") {
        for line in paragraph.lines() {
            if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                table = header;
            }
            let key = line.strip_prefix('#').and_then(|line| line.split_once(" = ")).map(|(key, _)| key);
            if table == wanted_table && key == Some(wanted) {
                return prose(paragraph);
            }
        }
    }
    String::new()
}

/// The sentences of a paragraph. Lines go on, but for those that are set in.
fn prose(paragraph: &str) -> String {
    let mut text = String::new();
    for line in paragraph.lines().filter_map(|line| line.strip_prefix("# ")) {
        if !text.is_empty() {
            text.push(if line.starts_with(' ') { '\n' } else { ' ' });
        }
        text.push_str(line.trim());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::key::KEYS;
    use super::*;

    #[test]
    fn every_key_and_every_table_is_explained() {
        for key in &KEYS {
            assert!(help(key).len() > 30, "{}: {:?}", key.name, help(key));
            let table = table_of(key);
            assert!(table.is_empty() || !about(table).is_empty(), "{table}");
        }
    }

    /// "(API)" stood where a channel's page has had it for long.
    #[test]
    fn what_a_channel_says_otherwise_is_said_on_its_page() {
        let shown = KEYS.iter().find(|key| key.name == "recovery.hot_standby").map(help).unwrap();
        assert!(shown.ends_with("one by one, each on its page."), "{shown}");
        assert!(!EXAMPLE.contains("(API)"));
    }

    #[test]
    fn paragraphs_are_joined() {
        let text = "# About.\n\n# One: \"a\"\n#   \"b\"  be\n#one = 1\n\n# What is\n# inside.\n[box]\n\n# Two and three.\n#one = 2\n#two = 3\n";
        assert_eq!(help_in(text, "one"), "One: \"a\"\n\"b\"  be");
        assert_eq!((help_in(text, "box.one"), help_in(text, "box.two")), ("Two and three.".into(), "Two and three.".into()));
        assert_eq!(help_in(text, "box.three"), "");
    }
}
