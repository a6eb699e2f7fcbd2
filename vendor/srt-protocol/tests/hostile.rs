//! Rooftop: whatever a peer sends, nothing panics, nothing is answered without end, and nothing grows. Packets are made here byte by
//! byte: right ones, ones with odd numbers in them, damaged ones, and noise.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use srt_protocol::connection::{Connection, ConnectionSettings, DuplexConnection};
use srt_protocol::options::{KeySize, LiveBandwidthMode, PacketCount, PacketSize, Passphrase};
use srt_protocol::packet::{Packet, ReceivePacketError, SeqNumber, SocketId};
use srt_protocol::protocol::handshake::Handshake;
use srt_protocol::protocol::pending_connection::connect::Connect;
use srt_protocol::protocol::pending_connection::rendezvous::Rendezvous;
use srt_protocol::protocol::pending_connection::ConnectionResult;
use srt_protocol::settings::{CipherSettings, ConnInitSettings, KeySettings};

const OURS: u32 = 77;
const FIRST: u32 = 0x7FFF_FFF0;

fn peer() -> SocketAddr {
    ([10, 0, 0, 9], 9000).into()
}

/// A packet for us: the first word, the second, a timestamp, and what follows.
fn packet(first: u32, second: u32, timestamp: u32, body: &[u8]) -> Vec<u8> {
    let head = [first, second, timestamp, OURS].into_iter().flat_map(u32::to_be_bytes);
    head.chain(body.iter().copied()).collect()
}

/// Numbers that something begins or ends at, and others.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(u32::MAX),
        Just(0x7FFF_FFFF),
        Just(0x8000_0000),
        (0u32..64).prop_map(|n| FIRST.wrapping_add(n) & 0x7FFF_FFFF),
        any::<u32>(),
    ]
}

fn words(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(number(), 0..most).prop_map(|words| words.into_iter().flat_map(u32::to_be_bytes).collect())
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    (number(), number(), number(), prop::collection::vec(any::<u8>(), 0..1400))
        .prop_map(|(sequence, message, at, body)| packet(sequence & 0x7FFF_FFFF, message, at, &body))
}

fn control() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![1u32..9, Just(0x7FFF)];
    (kind, 0u32..10, number(), number(), words(20))
        .prop_map(|(kind, sub, info, at, body)| packet(0x8000_0000 | kind << 16 | sub, info, at, &body))
}

fn handshake() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![
        Just(1i32),
        Just(0),
        Just(-1),
        Just(-2),
        1000..1020i32,
        2400..2410i32,
        any::<i32>()
    ];
    let version = prop_oneof![Just(4u32), Just(5), Just(5), Just(5)];
    let flags = prop_oneof![Just(0x4A17u32), Just(1), Just(3), Just(7), Just(2), 0u32..0x5_0000];
    let extension = (0u32..12, 0u32..20, words(20)).prop_map(|(kind, length, body)| {
        let mut all = (kind << 16 | length).to_be_bytes().to_vec();
        all.extend(body);
        all.resize(4 + length as usize * 4, 0);
        all
    });
    let right = Just(vec![0, 2, 0, 3, 0, 1, 4, 1, 0, 0, 0, 0xBF, 0, 120, 0, 120]);
    let extensions = prop::collection::vec(prop_oneof![right, extension], 0..4);
    (version, flags, kind, number(), number(), number(), number(), extensions).prop_map(
        |(version, flags, kind, sequence, size, id, cookie, extensions)| {
            let fields = [version, flags, sequence, size, size, kind as u32, id, cookie, 0, 0, 0, 0];
            let mut body: Vec<u8> = fields.into_iter().flat_map(u32::to_be_bytes).collect();
            extensions.iter().for_each(|one| body.extend(one));
            packet(0x8000_0000, 0, 0, &body)
        },
    )
}

/// Any of them, some with bytes changed, cut off or put behind; and noise.
fn anything() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop_oneof![3 => data(), 3 => control(), 3 => handshake(), 1 => prop::collection::vec(any::<u8>(), 0..200)];
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (whole, damage, prop::option::of(any::<prop::sample::Index>()), prop::bool::weighted(0.3)).prop_map(
        |(mut bytes, damage, cut, damaged)| {
            if damaged && !bytes.is_empty() {
                for (at, byte) in damage {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
                if let Some(cut) = cut {
                    bytes.truncate(cut.index(bytes.len() + 1));
                }
            }
            bytes
        },
    )
}

fn parsed(bytes: &[u8]) -> Result<(Packet, SocketAddr), ReceivePacketError> {
    let mut rest = Bytes::copy_from_slice(bytes);
    Packet::parse(&mut rest, false).map(|packet| (packet, peer())).map_err(ReceivePacketError::Parse)
}

fn keys() -> KeySettings {
    let passphrase = Passphrase::try_from("0123456789".to_owned()).unwrap();
    KeySettings { key_size: KeySize::AES128, passphrase }
}

fn own(encrypted: bool) -> ConnInitSettings {
    ConnInitSettings {
        local_sockid: SocketId(OURS),
        key_settings: encrypted.then(keys),
        ..ConnInitSettings::default()
    }
}

fn connection(encrypted: bool, handshake: Handshake, now: Instant) -> DuplexConnection {
    let settings = ConnectionSettings {
        remote: peer(),
        remote_sockid: SocketId(99),
        local_sockid: SocketId(OURS),
        socket_start_time: now,
        rtt: Duration::from_millis(10),
        init_seq_num: SeqNumber::new_truncate(FIRST),
        max_packet_size: PacketSize(1316),
        max_flow_size: PacketCount(8192),
        send_tsbpd_latency: Duration::from_millis(120),
        recv_tsbpd_latency: Duration::from_millis(120),
        too_late_packet_drop: true,
        peer_idle_timeout: Duration::from_secs(5),
        recv_buffer_size: PacketCount(8192),
        send_buffer_size: PacketCount(8192),
        cipher: encrypted.then(|| CipherSettings::new_random(&keys(), &Default::default())),
        stream_id: None,
        bandwidth: LiveBandwidthMode::default(),
        statistics_interval: Duration::from_secs(3600),
    };
    DuplexConnection::new(Connection { settings, handshake })
}

/// Does what a caller does with its connection; gives how many packets and bytes it wanted to send.
fn turn(core: &mut DuplexConnection, now: Instant, taken: &mut usize) -> (usize, usize) {
    core.check_timers(now);
    while let Some((_, data)) = core.next_data(now) {
        *taken += data.len();
    }
    let (mut packets, mut bytes) = (0, 0);
    let mut out = BytesMut::new();
    while let Some((packet, _)) = core.next_packet(now) {
        out.clear();
        packet.serialize(&mut out);
        packets += 1;
        bytes += out.len();
        assert!(packets < 10_000, "there is no end to it");
    }
    core.next_timer(now);
    (packets, bytes)
}

/// A connection that was made goes on; one that was not takes the next packet.
fn follow(result: ConnectionResult, rest: &[Vec<u8>], now: Instant) {
    let send = |packet: &Packet| packet.serialize(&mut BytesMut::new());
    match result {
        ConnectionResult::SendPacket((packet, _)) => send(&packet),
        ConnectionResult::Reject(packet, _) => packet.iter().for_each(|(packet, _)| send(packet)),
        ConnectionResult::Connected(packet, connection) => {
            packet.iter().for_each(|(packet, _)| send(packet));
            live(DuplexConnection::new(connection), rest, now);
        }
        ConnectionResult::NotHandled(error) => drop(error.to_string()),
        _ => {}
    }
}

fn live(mut core: DuplexConnection, packets: &[Vec<u8>], mut now: Instant) {
    let (mut came, mut taken, mut sent) = (0, 0, 0);
    for bytes in packets {
        came += bytes.len();
        core.handle_packet_input(now, parsed(bytes));
        sent += turn(&mut core, now, &mut taken).1;
        now += Duration::from_millis(3);
    }
    // Time passes, and nothing more comes.
    for _ in 0..200 {
        now += Duration::from_millis(20);
        sent += turn(&mut core, now, &mut taken).1;
    }
    assert!(taken <= came, "{taken} bytes came out of {came}");
    // A report of losses is a packet at most, twice in a round trip; everything else is small.
    assert!(sent <= 700_000 + 2_000 * packets.len(), "{sent} bytes were answered to {} packets", packets.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn packets_are_read_or_not(bytes in anything(), noise in prop::collection::vec(any::<u8>(), 0..2000), v6: bool) {
        for bytes in [bytes, noise] {
            let mut rest = &bytes[..];
            if let Ok(packet) = Packet::parse(&mut rest, v6) {
                packet.serialize(&mut BytesMut::new());
                let shown = format!("{packet:?}");
                prop_assert!(packet.wire_size() < 100_000 && !shown.is_empty());
            }
        }
    }

    #[test]
    fn connections_bear_anything(packets in prop::collection::vec(anything(), 0..60), encrypted: bool) {
        let now = Instant::now();
        live(connection(encrypted, Handshake::Connector, now), &packets, now);
    }

    #[test]
    fn callers_bear_anything(packets in prop::collection::vec(prop_oneof![4 => handshake(), 1 => anything()], 0..20), encrypted: bool) {
        let mut now = Instant::now();
        let mut core = Connect::new(peer(), peer().ip(), own(encrypted), Some("a".into()), SeqNumber::new_truncate(FIRST));
        for (at, bytes) in packets.iter().enumerate() {
            follow(core.handle_tick(now), &[], now);
            follow(core.handle_packet(parsed(bytes), now), &packets[at..], now);
            now += Duration::from_millis(100);
        }
    }

    #[test]
    fn who_meets_bears_anything(packets in prop::collection::vec(prop_oneof![4 => handshake(), 1 => anything()], 0..20), encrypted: bool) {
        let mut now = Instant::now();
        let here = ([10, 0, 0, 1], 9000).into();
        let mut core = Rendezvous::new(here, peer(), own(encrypted), SeqNumber::new_truncate(FIRST));
        for (at, bytes) in packets.iter().enumerate() {
            follow(core.handle_tick(now), &[], now);
            follow(core.handle_packet(parsed(bytes), now), &packets[at..], now);
            now += Duration::from_millis(100);
        }
    }
}
