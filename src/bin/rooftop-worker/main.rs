//! `rooftop-worker`: decodes and encodes with libav, so that the server need not. The only code that names libav.
//!
//! It is started by the server, confines itself before it reads a byte of anybody's media ([`confine`]), greets, and then
//! does one job after the other ([`serve`]), or plays one stream ([`play`]), until its input ends. It may crash: nothing but what
//! it has in hand is lost.

mod canvas;
mod clip;
mod confine;
mod encode;
mod escape;
mod image;
mod pattern;
mod picture;
mod play;
mod resound;
mod serve;
mod sound;
mod still;
mod text;

use std::process::ExitCode;

use rooftop::media::worker::protocol::{Hello, VERSION};

/// Address space, where the server does not say.
const MEMORY_MIB: u64 = 1024;
/// Processor time for jobs, in seconds. The server replaces a worker long before.
const CPU_SECONDS: u64 = 1200;
/// The same for playing, which may go on all day: sound takes a few hundredths of a processor.
const CPU_SECONDS_OF_PLAYER: u64 = 6 * 3600;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1).peekable();
    let plays = args.next_if(|arg| arg == "play").is_some();
    let memory_mib = match (args.next().as_deref(), args.next()) {
        (Some("--memory-mib"), Some(value)) => value.parse().unwrap_or(MEMORY_MIB),
        (None, _) => MEMORY_MIB,
        _ => {
            eprintln!("usage: rooftop-worker [play] [--memory-mib N]; it is started by rooftop and speaks on its pipes");
            return ExitCode::from(2);
        }
    };
    // What is being watched goes first, where we may say so.
    let _ = rustix::process::nice(5);
    let confinement = confine::confine(memory_mib, if plays { CPU_SECONDS_OF_PLAYER } else { CPU_SECONDS });
    for refused in &confinement.refused {
        eprintln!("not confined: {refused}");
    }
    if let Err(error) = ffmpeg_next::init() {
        eprintln!("libav does not start: {error}");
        return ExitCode::FAILURE;
    }
    ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Error);
    let (major, minor, micro) = {
        let version = ffmpeg_next::codec::version();
        (version >> 16, version >> 8 & 0xFF, version & 0xFF)
    };
    let hello = Hello {
        version: VERSION,
        package: env!("CARGO_PKG_VERSION").to_owned(),
        libavcodec: format!("{major}.{minor}.{micro}"),
        confinement,
    };
    let done = if plays { play::play(hello) } else { serve::serve(hello, &mut std::io::stdin().lock()) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the pipe broke: {error}");
            ExitCode::FAILURE
        }
    }
}
