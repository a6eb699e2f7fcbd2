//! L8: the command line: what is asked for, and one module for each command.
//!
//! Exit codes: 0 it is done, 1 it failed, 2 the command line is wrong. Results go to stdout, everything else to stderr.

mod args;
mod backup;
mod check;
mod data;
mod discover;
mod feeds;
mod password;
mod probe;
mod serve;
mod settings;
mod token;

use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Parser};

use self::args::{Args, Command};
use crate::base::chain::Chain;
use crate::base::telemetry::{self, Format};

/// Parses the command line and runs the command.
pub fn run() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return refuse(&error),
    };
    match dispatch(args.command, args.json) {
        Ok(code) => code,
        Err(error) => {
            let text = Chain(error.as_ref()).to_string();
            if args.json {
                print_json(&serde_json::json!({ "error": text }));
            }
            eprintln!("rooftop: {text}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command, as_json: bool) -> anyhow::Result<ExitCode> {
    if !matches!(command, Command::Serve(_)) {
        // What goes wrong is told by the command itself.
        telemetry::init(telemetry::filter("error").context("cannot log")?, Format::Auto);
    }
    match command {
        Command::Serve(args) => serve::run(&args),
        Command::Probe(args) => probe::run(&args, as_json),
        Command::Discover(args) => discover::run(&args, as_json),
        Command::Playlist(args) => feeds::playlists::run(&args, as_json),
        Command::Guide(args) => feeds::guides::run(&args, as_json),
        Command::Channel(args) => feeds::channels::run(&args, as_json),
        Command::Backup(args) => backup::backup(&args, as_json),
        Command::Restore(args) => backup::restore(&args, as_json),
        Command::Password(args) => password::run(&args, as_json),
        Command::Token(args) => token::run(&args, as_json),
        Command::Check(args) => check::run(&args, as_json),
    }
}

/// Help and version are asked for; anything else is a wrong command line.
fn refuse(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    if !error.to_string().contains("Usage") {
        eprintln!("\n{}", Args::command().render_usage());
    }
    ExitCode::from(2)
}

fn print_json(value: &serde_json::Value) {
    println!("{value}");
}

/// For commands that do one thing at a time.
fn small_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")
}
