//! Answers that go on for hours end soon after whoever asked was logged out, or the token revoked.

use std::time::Duration;

use super::Asker;
use crate::admin::AdminState;
use crate::base::clock;

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(5);

/// Ready once the login or token of `asker` is no more. Looked up, not told: commands beside the server end them, too. Cancel-safe.
pub async fn over(state: AdminState, asker: Asker) {
    loop {
        clock::sleep(LOOK).await;
        if !holds(&state, &asker).await {
            return;
        }
    }
}

async fn holds(state: &AdminState, asker: &Asker) -> bool {
    match (&asker.person, &asker.token) {
        // Where the database does not answer, nobody is cut off.
        (Some(person), _) => state.feeds.store.is_logged_in(person.login).await.unwrap_or(true),
        (None, Some(token)) => state.feeds.store.holds_token(token.expose()),
        (None, None) => false,
    }
}
