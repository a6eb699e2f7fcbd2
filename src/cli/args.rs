//! What can be asked for on the command line.

mod feeds;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub(super) use self::feeds::{Channel, ChannelCommand, Guide, GuideCommand, Playlist, PlaylistCommand};

/// A home network tuner: your streams, offered to the house as an HDHomeRun.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, arg_required_else_help = true)]
pub(super) struct Args {
    /// Write results as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the tuner. Without a playlist and with an empty data directory it shows three demo channels.
    Serve(Serve),
    /// Show the settings in force and where each comes from, and what stands in the way of running with them.
    Check(Serve),
    /// Open one address as a source and report what is in it.
    Probe(Probe),
    /// Look for HDHomeRun devices in the network, Rooftop among them.
    Discover(Discover),
    /// Add, list, read, accept playlists; choose what of them becomes channels.
    Playlist(Playlist),
    /// Add, list, read guides; say which channel has which; see what is on.
    Guide(Guide),
    /// List, make, change, number, export and import channels.
    Channel(Channel),
    /// Copy the database to a file, also while the server runs.
    Backup(Backup),
    /// Put a backup in place of the database. The server must be stopped; the old database is kept beside it.
    Restore(Restore),
    /// Set the password of the admin pages.
    Password(Password),
    /// Make a token for the API, list tokens, or revoke one.
    Token(Token),
}

#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Serve {
    /// Settings file [default: /etc/rooftop/rooftop.toml, if it is there].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where everything is kept.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address to serve HTTP on, such as 0.0.0.0:5004; a trailing `?` makes it optional. Repeatable: the first one is the
    /// stream port.
    #[arg(long, value_name = "ADDR")]
    pub listen: Vec<String>,
    /// M3U playlist to serve, URL or file. Repeatable. Entries that share a `tvg-id` become one channel with several sources.
    #[arg(long, value_name = "URL|FILE")]
    pub playlist: Vec<String>,
    /// How many tuners the first device has; kept from then on [default: as kept, 4 at first].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    pub tuners: Option<u8>,
    /// How clients find the tuner: `off`, or a list of udp, ssdp, mdns (`udp!`: also without port 80) [default: udp,ssdp,mdns].
    #[arg(long, value_name = "HOW")]
    pub discovery: Option<String>,
    /// What to log: error, warn, info, debug, trace, or filters as in `info,rooftop::session=debug`.
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Probe {
    /// Address: http, https, udp, rtp, srt, file, demo.
    pub url: String,
    /// User-Agent to send.
    #[arg(long)]
    pub user_agent: Option<String>,
    /// Another request header, as `Name: value`. Repeatable.
    #[arg(long, value_name = "HEADER")]
    pub header: Vec<String>,
    /// The way there: `http://`, `https://`, `socks5://` or `socks5h://`, perhaps with user and password.
    #[arg(long)]
    pub proxy: Option<String>,
    /// Accept a certificate that cannot be verified.
    #[arg(long)]
    pub any_certificate: bool,
    /// How long to look, in seconds; the report comes as soon as everything is known.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Discover {
    /// Ask this address only, instead of everybody.
    pub address: Option<std::net::Ipv4Addr>,
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Backup {
    /// File to write; must not exist yet.
    pub to: PathBuf,
    #[command(flatten)]
    pub at: Where,
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Restore {
    /// File made by `rooftop backup`.
    pub from: PathBuf,
    #[command(flatten)]
    pub at: Where,
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Password {
    /// Whose.
    #[arg(long, default_value = "admin")]
    pub name: String,
    #[command(flatten)]
    pub at: Where,
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Token {
    #[command(flatten)]
    pub at: Where,
    #[command(subcommand)]
    pub command: Option<TokenCommand>,
    /// What the token is for, to tell it from others.
    #[arg(long, default_value = "cli")]
    pub name: String,
    /// A token that may only look.
    #[arg(long)]
    pub viewer: bool,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum TokenCommand {
    /// List tokens; the tokens themselves are not kept.
    List,
    /// Revoke a token by its number.
    Revoke {
        /// As `list` shows it.
        id: i64,
    },
}

/// Which server's data.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Where {
    /// Settings file [default: /etc/rooftop/rooftop.toml, if it is there].
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Where everything is kept.
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
}
