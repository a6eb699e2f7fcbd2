//! What a page says after something was done. Addresses name a note by its word, so that nobody can put text of their own there.

use crate::admin::words;

/// The sentence of a note.
pub fn sentence(word: &str) -> Option<&'static str> {
    Some(match word {
        "saved" => "Saved.",
        "added" => "Added.",
        "device" => "Added, with all channels. Choose its own: mark them in Channels, or groups here.",
        "removed" => "Taken away.",
        "paused" => "Paused. Its channel goes on with its next source.",
        "resumed" => "Resumed.",
        "closed" => "Its sender was let go. It may come again.",
        "started" => "It has begun.",
        "accepted" => "The new version is served now.",
        "discarded" => "The new version is forgotten.",
        "password" => "The password is changed. Other browsers are logged out.",
        "probed" => "Looked at just now.",
        "recovery" => "The channel looks for another source.",
        "cancelled" => "It is being stopped.",
        "welcome" => "Welcome. Everything is set up.",
        "restored" => "The backup is checked, and takes the place of everything at the next start.",
        "forgotten" => "The backup that waited is forgotten.",
        "revoked" => "The token is worthless from now on.",
        "unmarked" => "Mark channels first.",
        "unsaid" => "Say which group, or the number of the first.",
        _ => return None,
    })
}

/// Whether a note says why nothing was done.
pub fn is_undone(word: &str) -> bool {
    matches!(word, "unmarked" | "unsaid")
}

/// That a device has `count` channels now, of `all` that are served.
pub fn lineup(name: &str, count: usize, all: usize) -> String {
    if count == all {
        return format!("{name} has {} now, all there are.", words::count(count, "channel", "channels"));
    }
    format!("{name} has {count} of {} now.", words::count(all, "channel", "channels"))
}
