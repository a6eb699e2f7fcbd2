//! On loopback: from sockets of the test, and from ffmpeg.

use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

use futures_util::StreamExt;
use rstest::rstest;

use super::*;
use crate::source::testing::packets;

/// A port nobody uses, of a range of its own for each process.
fn free_port() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn sender() -> std::net::UdpSocket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.into()
}

async fn read(opened: &mut Opened, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        match clock::timeout(Duration::from_secs(5), opened.bytes.next()).await.expect("bytes within 5 s") {
            Some(Ok(Chunk::Bytes(more))) => bytes.extend_from_slice(&more),
            other => panic!("{other:?}"),
        }
    }
    bytes
}

/// Datagrams of two packets each, in RTP with these numbers.
fn rtp(numbers: &[u16]) -> Vec<Vec<u8>> {
    let stream = packets(numbers.len() * 2);
    let first = numbers[0];
    let payload = |number: u16| &stream[usize::from(number.wrapping_sub(first)) * 376..][..376];
    let packet = |number: &u16| {
        let [high, low] = number.to_be_bytes();
        [&[0x80, 33, high, low, 0, 0, 0, 0, 0, 0, 0, 1], payload(*number)].concat()
    };
    numbers.iter().map(packet).collect()
}

#[rstest]
#[case::unicast("udp://127.0.0.1:PORT", "127.0.0.1")]
#[case::any("udp://@:PORT", "127.0.0.1")]
#[case::multicast("udp://@239.255.77.1:PORT?localaddr=127.0.0.1", "239.255.77.1")]
#[case::by_interface("udp://@239.255.77.2:PORT?iface=lo", "239.255.77.2")]
#[case::source_specific("udp://127.0.0.1@232.77.77.77:PORT?iface=lo", "232.77.77.77")]
#[case::sender_of_another_machine("udp://127.0.0.1@0.0.0.0:PORT", "127.0.0.1")]
#[tokio::test]
async fn datagrams_arrive(#[case] url: &str, #[case] to: &str) {
    let port = free_port();
    let mut opened = open(&url.replace("PORT", &port.to_string()), "udp").unwrap();
    let sender = sender();
    for piece in packets(70).chunks(7 * 188) {
        sender.send_to(piece, (to, port)).unwrap();
    }
    assert_eq!(read(&mut opened, 70 * 188).await, packets(70));
}

#[tokio::test]
async fn rtp_is_recognised_and_put_in_order() {
    let port = free_port();
    let mut opened = open(&format!("udp://127.0.0.1:{port}"), "udp").unwrap();
    let sender = sender();
    for datagram in rtp(&[65533, 65535, 65534, 0, 2, 1, 3]) {
        sender.send_to(&datagram, ("127.0.0.1", port)).unwrap();
    }
    assert_eq!(read(&mut opened, 14 * 188).await, packets(14));
}

#[tokio::test]
async fn a_lost_packet_holds_up_the_rest_for_a_moment_only() {
    let port = free_port();
    let mut opened = open(&format!("rtp://127.0.0.1:{port}"), "rtp").unwrap();
    let sender = sender();
    for datagram in rtp(&[1, 2, 3, 4]).iter().enumerate().filter(|(index, _)| *index != 1).map(|(_, datagram)| datagram) {
        sender.send_to(datagram, ("127.0.0.1", port)).unwrap();
    }
    let began = clock::now();
    assert_eq!(read(&mut opened, 6 * 188).await.len(), 6 * 188);
    assert!(clock::now() - began < Duration::from_secs(5));
}

#[tokio::test]
async fn datagrams_are_gathered() {
    let port = free_port();
    let mut opened = open(&format!("udp://127.0.0.1:{port}"), "udp").unwrap();
    let sender = sender();
    for piece in packets(70).chunks(7 * 188) {
        sender.send_to(piece, ("127.0.0.1", port)).unwrap();
    }
    let Some(Ok(Chunk::Bytes(first))) = opened.bytes.next().await else { panic!() };
    assert_eq!(first.len(), 70 * 188, "ten datagrams in one piece");
}

#[tokio::test]
async fn only_the_named_sender_is_heard_and_noise_is_an_error_in_the_end() {
    let port = free_port();
    let mut opened = open(&format!("udp://127.0.0.9@127.0.0.1:{port}"), "udp").unwrap();
    sender().send_to(&packets(7), ("127.0.0.1", port)).unwrap();
    assert!(clock::timeout(Duration::from_millis(100), opened.bytes.next()).await.is_err());
    drop(opened);
    let mut opened = open(&format!("udp://127.0.0.1:{port}"), "udp").unwrap();
    let sender = sender();
    for _ in 0..FOREIGN {
        sender.send_to(b"hello", ("127.0.0.1", port)).unwrap();
    }
    let noise = opened.bytes.next().await;
    assert!(matches!(noise, Some(Err(SourceError::NotAStream { .. }))), "{noise:?}");
    assert!(opened.bytes.next().await.is_none());
}

#[tokio::test]
async fn a_port_in_use_and_an_interface_that_is_not_there_are_named() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let error = open(&format!("udp://127.0.0.1:{}", taken.local_addr().unwrap().port()), "udp").unwrap_err();
    assert!(error.to_string().starts_with("UDP port: Address already in use"), "{error}");
    let error = open("udp://@239.255.77.3:5999?iface=nothere0", "udp").unwrap_err();
    assert_eq!(error.to_string(), "multicast group: no interface \"nothere0\"");
}

/// Several sessions may follow one group, and closing one leaves the others alone.
#[tokio::test]
async fn a_group_is_shared() {
    let port = free_port();
    let url = format!("udp://@239.255.77.4:{port}?localaddr=127.0.0.1");
    let (mut one, two) = (open(&url, "udp").unwrap(), open(&url, "udp").unwrap());
    drop(two);
    sender().send_to(&packets(7), ("239.255.77.4", port)).unwrap();
    assert_eq!(read(&mut one, 7 * 188).await, packets(7));
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[rstest]
#[case::udp("mpegts", "udp://127.0.0.1:PORT?pkt_size=1316", "udp")]
#[case::rtp("rtp_mpegts", "rtp://127.0.0.1:PORT?pkt_size=1328", "rtp")]
#[tokio::test]
async fn ffmpeg_is_heard(#[case] format: &str, #[case] to: &str, #[case] scheme: &'static str) {
    let port = free_port();
    let mut opened = open(&format!("{scheme}://@127.0.0.1:{port}"), scheme).unwrap();
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-c:v", "mpeg2video"]);
    ffmpeg.args(["-f", format, &to.replace("PORT", &port.to_string())]).stdin(Stdio::null()).stderr(Stdio::null());
    let _ffmpeg = Running(ffmpeg.spawn().expect("ffmpeg is installed"));
    let bytes = read(&mut opened, 200 * 188).await;
    assert!(bytes.len().is_multiple_of(188) && bytes.chunks(188).all(|packet| packet[0] == 0x47));
}
