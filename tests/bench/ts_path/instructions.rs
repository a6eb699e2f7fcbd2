//! Instructions, counted by callgrind in processes of this same program.
//!
//! Callgrind counts every byte that `rep movsb` moves as an instruction, a processor does not. So both sides run with a C
//! library that is told to copy with vector instructions instead, which are counted as what they are.

use std::process::Command;

use super::recording::Recording;
use super::{Outcome, ours, read, theirs};

/// No copy is so long that `rep movsb` would be used for it.
const VECTOR_COPIES: (&str, &str) = ("GLIBC_TUNABLES", "glibc.cpu.x86_rep_movsb_threshold=1073741824");
/// Enough to make tables, probes and the first random access point weigh nothing.
const COUNTED: usize = 48 << 20;

/// In the child: makes the recording, and has it read.
pub fn counted(name: &str, side: &str) -> Outcome {
    let recording = Recording::of(name, COUNTED)?;
    println!("{}", recording.packets());
    match side {
        "ours" => read(ours::Session::default(), &recording),
        "theirs" => read(theirs::Session::default(), &recording),
        _ => read(theirs::Arrival::default(), &recording),
    }?;
    Ok(())
}

/// Prints instructions a packet.
pub fn table<'a>(recordings: impl Iterator<Item = &'a str>) -> Outcome {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("ts_path: instructions were not counted: there is no valgrind here (Debian's package is called valgrind)");
        return Ok(());
    }
    println!("instructions a packet over {} MiB, by callgrind; ratio is theirs to ours", COUNTED >> 20);
    println!("{:<16} {:>9} {:>10} {:>12} {:>7}", "recording", "packets", "ours", "theirs", "ratio");
    for name in recordings {
        let (arrival, packets) = count(name, "arrival")?;
        let packets: f64 = packets.trim().parse()?;
        let each = |side| Ok::<_, Box<dyn std::error::Error>>((count(name, side)?.0 - arrival) / packets);
        let (ours, theirs) = (each("ours")?, each("theirs")?);
        println!("{name:<16} {packets:>9} {ours:>10.1} {theirs:>12.1} {:>7.2}", theirs / ours);
    }
    Ok(())
}

/// Instructions of a whole process, and what it printed.
fn count(name: &str, side: &str) -> Outcome<(f64, String)> {
    let output = Command::new("valgrind")
        .env(VECTOR_COPIES.0, VECTOR_COPIES.1)
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["--count", name, side])
        .output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("valgrind failed on {name}:\n{told}").into());
    }
    let collected = told.lines().find_map(|line| line.split_once("Collected : ")).ok_or("callgrind said no figure")?;
    Ok((collected.1.trim().parse()?, String::from_utf8_lossy(&output.stdout).into_owned()))
}
