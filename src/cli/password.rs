//! `rooftop password`: sets the password of the admin pages, also while the server runs. Whoever may run it has the box.

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::json;

use super::args;
use super::data::Data;
use crate::admin::access::password;
use crate::model::person::Role;
use crate::store::Store;

pub(super) fn run(args: &args::Password, as_json: bool) -> anyhow::Result<ExitCode> {
    let data = Data::find(&args.at)?;
    let typed = typed()?;
    let hashed = password::hash(&typed)?;
    let store = data.open_or_make()?;
    let done = super::small_runtime()?.block_on(async {
        let done = set(&store, &args.name, hashed).await;
        store.close().await;
        done
    });
    drop(store);
    data.hand_over()?;
    done?;
    if as_json {
        super::print_json(&json!({ "name": args.name }));
    } else {
        println!("the password of {:?} is set; its browsers are logged out", args.name);
    }
    Ok(ExitCode::SUCCESS)
}

async fn set(store: &Store, name: &str, hashed: String) -> anyhow::Result<()> {
    match store.user_of_name(name).await.context("cannot look for the user")? {
        Some(user) => store.set_password(user.id, hashed, None).await.context("cannot set the password"),
        // Only the first one may come out of nowhere: a mistyped name must not make another admin.
        None if store.has_users().await? => bail!("there is no user {name:?}"),
        None => store.add_user(name, Role::Admin, hashed, true).await.map(drop).context("cannot make the user"),
    }
}

/// Asks twice at a terminal, and reads a line of anything else.
fn typed() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        let first = rpassword::prompt_password("New password: ")?;
        password::check(&first)?;
        if first != rpassword::prompt_password("The same again: ")? {
            bail!("the two passwords are not the same");
        }
        return Ok(first);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read the password from the standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
