//! A network of its own for every test (hdhr-protocol section 10): `lo`, and `v0` with 10.77.0.1/24, on which a broadcast
//! comes back to the sender. Removed when dropped, also by a panic; what a killed test left behind, the next test removes.

use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

static COUNT: AtomicU32 = AtomicU32::new(0);
const HOME: &str = "/run/netns";

/// A network namespace.
#[derive(Debug)]
pub struct Netns {
    name: String,
    handle: File,
}

impl Netns {
    /// Makes one.
    pub fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "the black-box tests need root: they make network namespaces");
        remove_leftovers();
        let name = format!("it-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        ip(&["netns", "add", &name], "");
        let setup = "link set lo up\n\
             link set lo multicast on\n\
             link add v0 type veth peer name v1\n\
             addr add 10.77.0.1/24 dev v0\n\
             addr add fd00:77::1/64 dev v0 nodad\n\
             link set v1 up\n\
             link set v0 up\n\
             route add default via 10.77.0.254 dev v0\n\
             route add 224.0.0.0/4 dev v0\n";
        let handle = File::open(Path::new(HOME).join(&name)).unwrap();
        let netns = Self { name, handle };
        netns.ip(setup);
        // What would wait for a name server that is not there fails at once instead.
        netns.ip("route add unreachable 10.99.0.0/16\n");
        netns
    }

    /// Runs `ip` commands, one a line, in it.
    pub fn ip(&self, batch: &str) {
        ip(&["-n", &self.name, "-batch", "-"], batch);
    }

    /// A program to be run in it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// The same as the user `nobody`, for programs that refuse to run as root. `home` is made its own.
    pub fn command_as_nobody(&self, program: &str, home: &Path) -> Command {
        std::os::unix::fs::chown(home, Some(65534), Some(65534)).unwrap();
        let mut command = self.command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--", program]);
        command.env("HOME", home).env("XDG_RUNTIME_DIR", home).env_remove("XDG_CONFIG_HOME");
        command
    }

    /// Runs `work` on a thread that is in it: sockets made there belong to it, wherever they are used afterwards.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let run = scope.spawn(|| {
                self.join();
                work()
            });
            run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Moves the calling thread into it, for good.
    pub fn join(&self) {
        move_into_link_name_space(self.handle.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    }

    /// A TCP connection made in it.
    pub fn tcp(&self, to: impl Into<SocketAddr>) -> std::io::Result<TcpStream> {
        let to = to.into();
        self.enter(move || TcpStream::connect_timeout(&to, Duration::from_secs(3)))
    }

    /// A TCP connection from a certain address of it.
    pub fn tcp_from(&self, from: &str, to: SocketAddr) -> std::io::Result<TcpStream> {
        let from: SocketAddr = format!("{from}:0").parse().unwrap();
        self.enter(move || {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
            socket.bind(&from.into())?;
            socket.connect_timeout(&to.into(), Duration::from_secs(3))?;
            Ok(socket.into())
        })
    }

    /// A listener in it.
    pub fn listen(&self, at: &str) -> std::io::Result<TcpListener> {
        self.enter(|| TcpListener::bind(at))
    }

    /// A UDP socket in it, allowed to broadcast.
    pub fn udp(&self, at: &str) -> std::io::Result<UdpSocket> {
        self.enter(|| {
            let socket = UdpSocket::bind(at)?;
            socket.set_broadcast(true)?;
            Ok(socket)
        })
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).stderr(Stdio::null()).status();
    }
}

fn ip(args: &[&str], input: &str) {
    let mut child = Command::new("ip").args(args).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "ip {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Namespaces carry the process id of their test: those whose process is gone are nobody's.
fn remove_leftovers() {
    let Ok(entries) = std::fs::read_dir(HOME) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix("it-").and_then(|rest| rest.split('-').next()).and_then(|pid| pid.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = Command::new("ip").args(["netns", "del", &name]).stderr(Stdio::null()).status();
        }
    }
}
