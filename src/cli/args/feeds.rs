//! What can be asked for about playlists, guides and channels.

use std::path::PathBuf;

use clap::Subcommand;

use super::Where;

#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Playlist {
    #[command(flatten)]
    pub at: Where,
    #[command(subcommand)]
    pub command: PlaylistCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum PlaylistCommand {
    /// List playlists.
    List,
    /// Show one, with its counts and what a person should know.
    Show {
        /// Its id, as `list` shows it.
        id: i64,
    },
    /// Add one and read it: an M3U address or file; with --username and --password the server of an Xtream Codes account.
    Add {
        /// Address, file, or server.
        location: String,
        /// What to call it.
        #[arg(long)]
        name: Option<String>,
        /// User of an Xtream Codes account.
        #[arg(long, requires = "password")]
        username: Option<String>,
        /// Password of an Xtream Codes account.
        #[arg(long, env = "ROOFTOP_XTREAM_PASSWORD", hide_env_values = true)]
        password: Option<String>,
        /// How many connections the account allows at a time.
        #[arg(long, value_name = "N")]
        connections: Option<u32>,
        /// Make channels of this group only. Repeatable.
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
    },
    /// Read one again, or all of them.
    Refresh {
        /// Its id; all if absent.
        id: Option<i64>,
        /// Even if its server says that nothing is new.
        #[arg(long)]
        anyway: bool,
    },
    /// Serve the version that was held back.
    Accept {
        /// Its id.
        id: i64,
    },
    /// Forget the version that was held back.
    Discard {
        /// Its id.
        id: i64,
    },
    /// Show what the version that is held back differs in.
    Difference {
        /// Its id.
        id: i64,
    },
    /// Take one away, with its credentials.
    Remove {
        /// Its id.
        id: i64,
    },
    /// List its groups, and which of them become channels.
    Groups {
        /// Its id.
        id: i64,
    },
    /// Choose which of its groups become channels.
    Choose {
        /// Its id.
        id: i64,
        /// All items become channels.
        #[arg(long)]
        all: bool,
        /// No items become channels by themselves.
        #[arg(long)]
        none: bool,
        /// Items of these groups.
        groups: Vec<String>,
    },
    /// List its items.
    Items {
        /// Its id.
        id: i64,
        /// Only with this in their name.
        #[arg(long)]
        search: Option<String>,
        /// Only of this group.
        #[arg(long)]
        group: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
}

#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Guide {
    #[command(flatten)]
    pub at: Where,
    #[command(subcommand)]
    pub command: GuideCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum GuideCommand {
    /// List guides.
    List,
    /// Add an XMLTV guide and read it: an address or a file, plain, gzip or xz.
    Add {
        /// Address or file.
        location: String,
        /// What to call it.
        #[arg(long)]
        name: Option<String>,
    },
    /// Read one again, or all of them.
    Refresh {
        /// Its id; all if absent.
        id: Option<i64>,
        /// Even if its server says that nothing is new.
        #[arg(long)]
        anyway: bool,
    },
    /// Show what the version that was held back differs in.
    Difference {
        /// Its id.
        id: i64,
    },
    /// Serve the version that was held back.
    Accept {
        /// Its id.
        id: i64,
    },
    /// Forget the version that was held back.
    Discard {
        /// Its id.
        id: i64,
    },
    /// Take one away.
    Remove {
        /// Its id.
        id: i64,
    },
    /// List channels and their guides.
    Mappings,
    /// Show which channels of guides may be that of a channel.
    Suggest {
        /// Its number.
        channel: String,
    },
    /// Say which channel of which guide a channel is; without a guide: it has none.
    Map {
        /// Its number.
        channel: String,
        /// The guide's id.
        #[arg(requires = "guide_channel")]
        guide: Option<i64>,
        /// The channel's id in the guide.
        guide_channel: Option<String>,
        /// Seconds by which the channel shows everything later than the guide says.
        #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
        offset_s: i64,
    },
    /// Let a channel be mapped by itself again.
    Unmap {
        /// Its number.
        channel: String,
    },
    /// Show what is on.
    Now,
    /// Look for programmes.
    Search {
        /// What to look for.
        #[arg(required = true)]
        text: Vec<String>,
    },
}

#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Channel {
    #[command(flatten)]
    pub at: Where,
    #[command(subcommand)]
    pub command: ChannelCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum ChannelCommand {
    /// List the channels of the lineup.
    List {
        /// Those too that are not in it.
        #[arg(long)]
        all: bool,
    },
    /// Make a channel of an address, or of an item of a playlist.
    Add {
        /// What to call it.
        #[arg(long)]
        name: Option<String>,
        /// Its number; the next free one if absent.
        #[arg(long)]
        number: Option<String>,
        /// An address.
        #[arg(long, conflicts_with_all = ["playlist", "item"])]
        url: Option<String>,
        /// A playlist …
        #[arg(long, requires = "item")]
        playlist: Option<i64>,
        /// … and its item.
        #[arg(long, requires = "playlist")]
        item: Option<i64>,
    },
    /// Change a channel. `-`: as the playlist says.
    Set {
        /// Its number.
        channel: String,
        /// Another number.
        #[arg(long)]
        number: Option<String>,
        /// Another name.
        #[arg(long, allow_hyphen_values = true)]
        name: Option<String>,
        /// Other groups, with `;` between them.
        #[arg(long, allow_hyphen_values = true)]
        groups: Option<String>,
        /// Address of another logo.
        #[arg(long, allow_hyphen_values = true)]
        logo: Option<String>,
        /// Whether it is in the lineup.
        #[arg(long)]
        enabled: Option<bool>,
        /// Whether it is a favourite.
        #[arg(long)]
        favorite: Option<bool>,
    },
    /// Number channels anew, in their order or in the order given. Others keep theirs.
    Renumber {
        /// The number of the first.
        #[arg(long)]
        from: u32,
        /// From one to the next.
        #[arg(long, default_value_t = 1)]
        step: u32,
        /// All of this group.
        #[arg(long)]
        group: Option<String>,
        /// Their numbers.
        channels: Vec<String>,
    },
    /// Take a channel away for good. Its number is kept aside.
    Remove {
        /// Its number.
        channel: String,
    },
    /// Write all channels as a table: CSV, or JSON by the file's ending.
    Export {
        /// Where to; to stdout if absent.
        file: Option<PathBuf>,
    },
    /// Change channels as a table says: all of it, or nothing.
    Import {
        /// The table; `-`: stdin, as CSV.
        file: PathBuf,
    },
}
