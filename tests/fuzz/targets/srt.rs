//! What comes to an SRT port: packets of any kind, handshakes as they are answered, and a connection that was agreed on. Whatever
//! comes, an end is found, no more comes out than came in, and little is answered.
#![no_main]

mod datagrams;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use datagrams::datagrams;
use libfuzzer_sys::fuzz_target;
use rooftop::ingest::settings::{ListenSettings, SrtSettings};
use rooftop::ingest::srt::handshake::{Asked, Cookies, conclude, described, read, rejection};
use rooftop::ingest::srt::policy::{Caller, Rules, decide};
use rooftop::model::InputRule;
use srt_protocol::connection::{Connection, ConnectionSettings, DuplexConnection};
use srt_protocol::options::{KeySize, LiveBandwidthMode, PacketCount, PacketSize, Passphrase};
use srt_protocol::packet::{ControlTypes, HandshakeControlInfo, Packet, ReceivePacketError, SeqNumber, ShakeType, SocketId};
use srt_protocol::protocol::handshake::Handshake;
use srt_protocol::settings::{CipherSettings, KeySettings};

const PASSPHRASE: &str = "a_good_passphrase";
/// Where the type of a handshake and its cookie lie in a datagram (draft-sharabayko-srt-01, section 3.2.1).
const TYPE: std::ops::Range<usize> = 36..40;
const COOKIE: std::ops::Range<usize> = 44..48;

#[derive(Debug)]
struct NoRules;

impl Rules for NoRules {
    fn rule(&self, _stream: &str) -> Option<InputRule> {
        None
    }
}

fn peer() -> SocketAddr {
    ([10, 0, 0, 9], 9000).into()
}

fn parsed(bytes: &[u8]) -> Option<Packet> {
    let mut rest = bytes;
    let packet = Packet::parse(&mut rest, false).ok()?;
    let (mut again, _) = (Vec::new(), format!("{packet:?}"));
    packet.serialize(&mut again);
    // A byte that is no text becomes three.
    assert!(again.len() <= 3 * bytes.len() + 128, "{} bytes of {}", again.len(), bytes.len());
    Some(packet)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&how, bytes)) = bytes.split_first() else { return };
    let encrypted = how & 1 != 0;
    if how & 2 == 0 {
        let now = Instant::now();
        return live(connection(encrypted, now), datagrams(bytes), now);
    }
    let passphrase = encrypted.then(|| SrtSettings::passphrase(PASSPHRASE).expect("this is one"));
    let settings = SrtSettings { passphrase, allow: vec!["10.0.0.0/8".parse().expect("a network")], ..SrtSettings::default() };
    let port = ListenSettings { addr: ([0, 0, 0, 0], 30_000).into(), optional: false, stream: None };
    let now = Instant::now();
    let cookies = Cookies::new(now);
    for (at, (_, datagram)) in datagrams(bytes).enumerate() {
        let _ = Packet::parse(&mut &datagram[..], true);
        let Some(packet) = parsed(datagram) else { continue };
        // As a caller that has asked for its cookie.
        let Some(packet) = cookie(datagram, &cookies, now).or(Some(packet)) else { continue };
        let Asked::Conclusion(shake, timestamp) = read(packet, peer(), &cookies, now) else { continue };
        let (stream_id, encrypts, unsupported) = described(&shake);
        let caller = Caller { from: peer(), stream_id, encrypted: encrypts, unsupported };
        let refusal = match decide(&caller, &port, &settings, &NoRules, 0) {
            Err(refusal) => refusal,
            Ok(terms) => match conclude((*shake).clone(), timestamp, peer(), SocketId(77), &terms, &settings, now) {
                Ok(agreed) => {
                    agreed.answer.iter().for_each(|answer| answer.serialize(&mut Vec::new()));
                    return live(DuplexConnection::new(agreed.connection), datagrams(bytes).skip(at + 1), now);
                }
                Err(Some(refusal)) => refusal,
                Err(None) => continue,
            },
        };
        answered(&shake, &rejection(&shake, timestamp, refusal));
    }
});

fn answered(shake: &HandshakeControlInfo, answer: &Packet) {
    let mut out = Vec::new();
    answer.serialize(&mut out);
    assert!(out.len() < 1500 && answer.dest_sockid() == shake.socket_id);
}

/// The same datagram with the cookie that its sender would have got.
fn cookie(datagram: &[u8], cookies: &Cookies, now: Instant) -> Option<Packet> {
    let mut copy = datagram.to_vec();
    copy.get_mut(TYPE)?.copy_from_slice(&1u32.to_be_bytes());
    let induction = Packet::parse(&mut &copy[..], false).ok()?;
    let Asked::Induction(answer) = read(induction, peer(), cookies, now) else { return None };
    let ControlTypes::Handshake(shake) = &answer.control()?.control_type else { return None };
    assert!(shake.shake_type == ShakeType::Induction);
    answered(&HandshakeControlInfo { socket_id: answer.dest_sockid(), ..shake.clone() }, &answer);
    let mut copy = datagram.to_vec();
    copy.get_mut(COOKIE)?.copy_from_slice(&shake.syn_cookie.to_be_bytes());
    parsed(&copy)
}

fn connection(encrypted: bool, now: Instant) -> DuplexConnection {
    let passphrase = Passphrase::try_from(PASSPHRASE.to_owned()).expect("this is one");
    let keys = KeySettings { key_size: KeySize::AES128, passphrase };
    let settings = ConnectionSettings {
        remote: peer(),
        remote_sockid: SocketId(99),
        local_sockid: SocketId(77),
        socket_start_time: now,
        rtt: Duration::from_millis(10),
        init_seq_num: SeqNumber::new_truncate(0x7FFF_FFF0),
        max_packet_size: PacketSize(1316),
        max_flow_size: PacketCount(8192),
        send_tsbpd_latency: Duration::from_millis(120),
        recv_tsbpd_latency: Duration::from_millis(120),
        too_late_packet_drop: true,
        peer_idle_timeout: Duration::from_secs(5),
        recv_buffer_size: PacketCount(8192),
        send_buffer_size: PacketCount(8192),
        cipher: encrypted.then(|| CipherSettings::new_random(&keys, &Default::default())),
        stream_id: None,
        bandwidth: LiveBandwidthMode::default(),
        statistics_interval: Duration::from_secs(3600),
    };
    DuplexConnection::new(Connection { settings, handshake: Handshake::Connector })
}

fn live<'a>(mut core: DuplexConnection, packets: impl Iterator<Item = (u8, &'a [u8])>, mut now: Instant) {
    let (mut came, mut taken, mut sent, mut count) = (0, 0, 0, 0);
    for (how, datagram) in packets {
        came += datagram.len();
        count += 1;
        now += Duration::from_millis(u64::from(how & 0x1F));
        let mut rest = bytes::Bytes::copy_from_slice(datagram);
        let input = Packet::parse(&mut rest, false).map(|packet| (packet, peer())).map_err(ReceivePacketError::Parse);
        core.handle_packet_input(now, input);
        sent += turn(&mut core, now, &mut taken);
    }
    for _ in 0..20 {
        now += Duration::from_millis(50);
        sent += turn(&mut core, now, &mut taken);
    }
    assert!(taken <= came, "{taken} bytes came out of {came}");
    // A report of losses is a packet at most, twice in a round trip; everything else is small.
    assert!(sent <= 700_000 + 4_000 * count, "{sent} bytes were answered to {count} packets");
}

/// What a connection does when it is woken up; gives how many bytes it wants to send.
fn turn(core: &mut DuplexConnection, now: Instant, taken: &mut usize) -> usize {
    core.check_timers(now);
    while let Some((_, data)) = core.next_data(now) {
        *taken += data.len();
    }
    let (mut packets, mut bytes, mut out) = (0, 0, Vec::new());
    while let Some((packet, _)) = core.next_packet(now) {
        out.clear();
        packet.serialize(&mut out);
        packets += 1;
        bytes += out.len();
        assert!(packets < 10_000, "there is no end to it");
    }
    let _ = (core.next_timer(now), core.is_open());
    bytes
}
