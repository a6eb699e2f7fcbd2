//! Tries to break out, to show that it cannot.

use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rooftop::media::worker::job::Attempt;

/// Tries everything once, and reports. Threads and memory must still be had: media work needs them.
pub fn try_everything() -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let mut denied = |what: &str, result: std::io::Result<()>| {
        let answer = result.as_ref().map_or_else(ToString::to_string, |()| "allowed".to_owned());
        // Any other error, such as a refused connection, means that the kernel went along.
        let denied = result.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
        attempts.push(Attempt { what: what.to_owned(), denied, answer });
    };
    denied("open a file for reading", std::fs::File::open("/etc/passwd").map(drop));
    denied("open a file of its own process", std::fs::File::open("/proc/self/maps").map(drop));
    denied("make a file", std::fs::File::create("/tmp/rooftop-worker-escape").and_then(|mut file| file.write_all(b"x")));
    denied("list a directory", std::fs::read_dir("/").map(drop));
    denied("remove a file", std::fs::remove_file("/tmp/rooftop-worker-escape"));
    denied("make a UDP socket", UdpSocket::bind("127.0.0.1:0").map(drop));
    denied("listen on TCP", TcpListener::bind("127.0.0.1:0").map(drop));
    denied("connect by TCP", TcpStream::connect("127.0.0.1:9").map(drop));
    denied("make a local socket", UnixStream::pair().map(drop));
    denied("start a program", Command::new("/bin/true").spawn().map(drop));
    denied("signal another process", rustix::process::test_kill_process(rustix::process::Pid::INIT).map_err(Into::into));
    // Last: were it allowed, this program would be gone, and the server would hear nothing more.
    denied("become another program", Err(Command::new("/bin/true").exec()));
    let thread = std::thread::Builder::new()
        .spawn(|| 41 + 1)
        .and_then(|thread| thread.join().map_err(|_| std::io::Error::other("panicked")));
    attempts.push(Attempt {
        what: "a thread is refused".to_owned(),
        denied: thread.is_ok(),
        answer: thread.map_or_else(|error| error.to_string(), |_| "no, as it should be".to_owned()),
    });
    attempts
}
