//! What all pages have around their content.

use askama::Template;

use super::notes;
use crate::admin::access::Asker;
use crate::admin::fragments::render;
use crate::model::person::Role;

/// The frame of a page.
#[derive(Debug, Clone)]
pub struct Shell {
    /// What the page is called.
    pub title: String,
    /// Which entry of the menu it belongs to.
    pub here: &'static str,
    /// Who is logged in.
    pub user: String,
    /// Whether changes are offered.
    pub admin: bool,
    /// What forms carry.
    pub csrf: String,
    /// What was done just now.
    pub note: Option<String>,
    /// Whether that is why nothing was done.
    pub undone: bool,
}

impl Shell {
    /// For somebody who is logged in.
    pub fn new(asker: &Asker, here: &'static str, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            here,
            user: asker.name.clone(),
            admin: asker.role >= Role::Admin,
            csrf: asker.csrf.expose().clone(),
            note: None,
            undone: false,
        }
    }

    /// With what was done just now, by its word in the address.
    #[must_use]
    pub fn noting(self, word: Option<&str>) -> Self {
        Self { note: word.and_then(notes::sentence).map(str::to_owned), undone: word.is_some_and(notes::is_undone), ..self }
    }

    /// With a sentence of ours that has names and numbers in it.
    #[must_use]
    pub fn saying(self, note: Option<String>) -> Self {
        Self { note: note.or(self.note), ..self }
    }

    /// Where a form without a login stands: login and first run.
    pub fn of_nobody(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            here: "",
            user: String::new(),
            admin: false,
            csrf: String::new(),
            note: None,
            undone: false,
        }
    }
}

#[derive(Template)]
#[template(path = "refusal.html")]
struct Refusal<'a> {
    shell: Shell,
    message: &'a str,
    back: Option<&'a str>,
}

/// A page that says why something was not done, to whoever is logged in; `back` is the page where it was asked for.
pub fn refusal(asker: Option<&Asker>, message: &str, back: Option<&str>) -> String {
    const TITLE: &str = "Not done";
    let shell = asker.map_or_else(|| Shell::of_nobody(TITLE), |asker| Shell::new(asker, "", TITLE));
    render(&Refusal { shell, message, back })
}
