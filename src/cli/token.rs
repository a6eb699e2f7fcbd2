//! `rooftop token`: makes, lists and revokes tokens of the API, also while the server runs.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;

use super::args::{self, TokenCommand};
use super::data::Data;
use crate::model::person::Role;
use crate::store::{Store, Token};

pub(super) fn run(args: &args::Token, as_json: bool) -> anyhow::Result<ExitCode> {
    let data = Data::find(&args.at)?;
    let store = data.open()?;
    super::small_runtime()?.block_on(async {
        let done = act(&store, args, as_json).await;
        store.close().await;
        done
    })?;
    drop(store);
    data.hand_over()?;
    Ok(ExitCode::SUCCESS)
}

async fn act(store: &Store, args: &args::Token, as_json: bool) -> anyhow::Result<()> {
    match args.command {
        None => {
            let scope = if args.viewer { Role::Viewer } else { Role::Admin };
            let token = store.create_token_for(&args.name, scope, None).await.context("cannot make a token")?;
            if as_json {
                super::print_json(&json!({ "token": token.expose(), "name": args.name, "scope": scope }));
            } else {
                eprintln!("Keep this token, it is not shown again. Send it as `Authorization: Bearer TOKEN`.");
                println!("{}", token.expose());
            }
        }
        Some(TokenCommand::List) => {
            let tokens = store.tokens().await.context("cannot list tokens")?;
            if as_json {
                super::print_json(&json!(tokens));
            } else if tokens.is_empty() {
                println!("there are no tokens");
            } else {
                tokens.iter().for_each(|token| println!("{}", line(token)));
            }
        }
        Some(TokenCommand::Revoke { id }) => {
            store.revoke_token(id).await.context("cannot revoke the token")?;
            if as_json {
                super::print_json(&json!({ "revoked": id }));
            } else {
                println!("token {id} is revoked");
            }
        }
    }
    Ok(())
}

fn line(token: &Token) -> String {
    let used = token.last_used_ms.map_or_else(|| "never used".to_owned(), |at_ms| format!("last used {}", date(at_ms)));
    let scope = if token.scope == Role::Viewer { ", may only look" } else { "" };
    format!("{:>4}  {:<20}  made {}, {used}{scope}", token.id, token.name, date(token.created_ms))
}

fn date(at_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_it_is_and_when_it_was_used() {
        let mut token = Token {
            id: 7,
            name: "grafana".into(),
            created_ms: 1_700_000_000_000,
            last_used_ms: None,
            scope: Role::Admin,
            owner: None,
        };
        assert_eq!(line(&token), "   7  grafana               made 2023-11-14 22:13 UTC, never used");
        token.last_used_ms = Some(1_700_000_060_000);
        assert!(line(&token).ends_with("last used 2023-11-14 22:14 UTC"));
        token.scope = Role::Viewer;
        assert!(line(&token).ends_with("UTC, may only look"));
    }
}
