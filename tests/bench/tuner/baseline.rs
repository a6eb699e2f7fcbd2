//! The least that fanning out can cost: a loop of plain 64 KiB writes to every socket, in a process of its own.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

type Error = Box<dyn std::error::Error>;

const WRITE: usize = 64 * 1024;

/// What it cost.
pub struct Plain {
    pub time: Duration,
    pub bytes: u64,
}

/// Runs the writer against as many readers.
pub fn run(viewers: usize, bytes_per_second: f64, span: Duration) -> Result<Plain, Error> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut writer = Command::new(std::env::current_exe()?)
        .arg("--baseline-writer")
        .args([listener.local_addr()?.to_string(), viewers.to_string(), bytes_per_second.to_string()])
        .arg(span.as_secs_f64().to_string())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut readers = Vec::new();
    for _ in 0..viewers {
        let (mut stream, _) = listener.accept()?;
        readers.push(std::thread::spawn(move || {
            let mut buffer = vec![0; WRITE];
            while std::io::Read::read(&mut stream, &mut buffer).is_ok_and(|n| n > 0) {}
        }));
    }
    let mut text = String::new();
    std::io::Read::read_to_string(&mut writer.stdout.take().ok_or("no output")?, &mut text)?;
    writer.wait()?;
    readers.into_iter().for_each(|reader| drop(reader.join()));
    let mut words = text.split_whitespace().map(str::parse::<f64>);
    match (words.next(), words.next()) {
        (Some(Ok(seconds)), Some(Ok(bytes))) => Ok(Plain { time: Duration::from_secs_f64(seconds), bytes: bytes as u64 }),
        _ => Err(format!("the baseline writer said {text:?}").into()),
    }
}

/// The writer's own process: address, sockets, bytes a second, seconds.
pub fn writer(args: &[String]) -> Result<(), Error> {
    let [address, viewers, rate, span] = args else { return Err("four arguments".into()) };
    let (viewers, rate, span): (usize, f64, f64) = (viewers.parse()?, rate.parse()?, span.parse()?);
    let mut sockets: Vec<TcpStream> = (0..viewers).map(|_| TcpStream::connect(address)).collect::<Result<_, _>>()?;
    let data = vec![0x47; WRITE];
    let began = Instant::now();
    let before = super::process::processor_time(std::process::id())?;
    let mut sent = 0u64;
    while began.elapsed().as_secs_f64() < span {
        for socket in &mut sockets {
            socket.write_all(&data)?;
        }
        sent += WRITE as u64;
        let due = Duration::from_secs_f64(sent as f64 / rate);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
    }
    let time = super::process::processor_time(std::process::id())? - before;
    println!("{} {}", time.as_secs_f64(), sent * viewers as u64);
    Ok(())
}
