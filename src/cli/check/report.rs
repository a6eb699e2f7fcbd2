//! How findings are told. Pure.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::config::Shown;
use crate::config::key::Shape;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// `serve` would end with an error; else it does without something.
    pub fatal: bool,
    /// What it is, and what to do.
    pub text: String,
}

/// What `check` has to say.
pub(super) struct Report<'a> {
    pub settings: &'a [Shown],
    pub findings: &'a [Finding],
}

impl Report<'_> {
    pub(super) fn would_serve(&self) -> bool {
        !self.findings.iter().any(|finding| finding.fatal)
    }

    pub(super) fn json(&self) -> Value {
        let texts = |fatal: bool| -> Vec<&str> {
            let kind = self.findings.iter().filter(|finding| finding.fatal == fatal);
            kind.map(|finding| finding.text.as_str()).collect()
        };
        let setting = |shown: &Shown| {
            let value = match shown.key.shape {
                Shape::One => json!(shown.values.first()),
                Shape::Switch => json!(shown.values.first().map(|value| value == "true")),
                Shape::Many | Shape::ManyByBlanks => json!(shown.values),
            };
            (shown.key.name.to_owned(), json!({ "value": value, "origin": shown.origin.to_string() }))
        };
        json!({
            "would_serve": self.would_serve(),
            "settings": self.settings.iter().map(setting).collect::<serde_json::Map<_, _>>(),
            "problems": texts(true),
            "warnings": texts(false),
        })
    }

    pub(super) fn text(&self) -> String {
        let mut text = "Settings:\n".to_owned();
        let values: Vec<String> = self.settings.iter().map(Shown::written).collect();
        let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.filter(|length| *length <= 40).max().unwrap_or(0);
        let names = longest(&mut self.settings.iter().map(|shown| shown.key.name.len()));
        let width = longest(&mut values.iter().map(|value| value.chars().count()));
        for (shown, value) in self.settings.iter().zip(&values) {
            let _ = writeln!(text, "  {:<names$} = {value:<width$}  ({})", shown.key.name, shown.origin);
        }
        for (title, fatal) in [("Rooftop cannot serve:", true), ("Worth knowing:", false)] {
            let kind: Vec<&Finding> = self.findings.iter().filter(|finding| finding.fatal == fatal).collect();
            if !kind.is_empty() {
                let _ = writeln!(text, "\n{title}");
            }
            for finding in kind {
                let _ = writeln!(text, "  - {}", finding.text);
            }
        }
        if self.findings.is_empty() {
            text.push_str("\nNothing stands in the way.\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;
    use crate::config::key::Key;

    fn shown(name: &str, values: &[&str], origin: Origin) -> Shown {
        Shown { key: Key::of(name).unwrap(), values: values.iter().map(|&value| value.to_owned()).collect(), origin }
    }

    fn settings() -> [Shown; 3] {
        [
            shown("data_dir", &["/srv/tv"], Origin::Flag("--data-dir")),
            shown("listen", &["0.0.0.0:5004", "0.0.0.0:80?"], Origin::Default),
            shown("tuners", &[], Origin::Default),
        ]
    }

    fn finding(fatal: bool, text: &str) -> Finding {
        Finding { fatal, text: text.to_owned() }
    }

    #[test]
    fn everything_is_told_with_its_origin() {
        let findings = [finding(false, "port 80 is taken"), finding(true, "port 5004 is taken")];
        let settings = settings();
        let report = Report { settings: &settings, findings: &findings };
        insta::assert_snapshot!(report.text(), @r#"
        Settings:
          data_dir = "/srv/tv"                        (--data-dir)
          listen   = ["0.0.0.0:5004", "0.0.0.0:80?"]  (default)
          tuners   = not set                          (default)

        Rooftop cannot serve:
          - port 5004 is taken

        Worth knowing:
          - port 80 is taken
        "#);
        assert!(!report.would_serve());
        let json = report.json();
        assert_eq!(json["settings"]["data_dir"], json!({ "value": "/srv/tv", "origin": "--data-dir" }));
        assert_eq!(json["settings"]["tuners"]["value"], Value::Null);
        assert_eq!((&json["problems"][0], &json["warnings"][0]), (&json!("port 5004 is taken"), &json!("port 80 is taken")));
    }

    #[test]
    fn what_can_be_done_without_is_no_obstacle() {
        let settings = settings();
        assert!(Report { settings: &settings, findings: &[finding(false, "x")] }.would_serve());
        let quiet = Report { settings: &settings, findings: &[] };
        assert!(quiet.would_serve() && quiet.text().ends_with("Nothing stands in the way.\n"));
    }
}
