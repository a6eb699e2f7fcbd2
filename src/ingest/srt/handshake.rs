//! The handshake of a caller (draft-sharabayko-srt-01, section 4.3.1), without state until its conclusion: who does not come
//! back with the cookie costs nothing. Pure but for the keys of ciphers, which are derived here.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use srt_protocol::connection::Connection;
use srt_protocol::options::{DataRate, KeySize, LiveBandwidthMode, PacketCount, PacketSize};
use srt_protocol::packet::{ControlPacket, ControlTypes, HandshakeControlInfo, HandshakeVsInfo, HsV5Info, Packet, ShakeType};
use srt_protocol::packet::{RejectReason, SocketId, SrtControlPacket, TimeStamp};
use srt_protocol::protocol::pending_connection::ConnectionResult;
use srt_protocol::protocol::pending_connection::listen::Listen;
use srt_protocol::settings::{ConnInitSettings, KeyMaterialRefreshSettings, KeySettings};

use super::policy::{Refusal, Terms};
use crate::ingest::settings::SrtSettings;
use crate::model::input::LONGEST_LATENCY_MS;

/// A cookie holds for so long, and as long again.
const COOKIE: Duration = Duration::from_secs(60);
/// Smallest packet that a caller may ask for: one transport packet behind the headers of UDP (28 bytes) and SRT (16 bytes).
const LEAST_PACKET: u64 = 44 + crate::ts::PACKET as u64;
/// Longest latency that one may ask for.
pub(super) const LONGEST_LATENCY: Duration = Duration::from_millis(LONGEST_LATENCY_MS);
/// Statistics are read when they are wanted; the protocol's own timer for them may sleep.
const NEVER: Duration = Duration::from_secs(24 * 3600);

/// Cookies that nobody else can make.
#[derive(Debug)]
pub struct Cookies {
    secret: RandomState,
    began: Instant,
}

impl Cookies {
    /// From a moment on, with a secret of their own.
    pub fn new(began: Instant) -> Self {
        Self { secret: RandomState::new(), began }
    }

    fn at(&self, from: SocketAddr, peer: SocketId, minute: u64) -> i32 {
        let hash = self.secret.hash_one((from, peer.0, minute));
        i32::from_be_bytes(hash.to_be_bytes()[..4].try_into().unwrap_or_default())
    }

    fn minute(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs() / COOKIE.as_secs()
    }

    fn is_ours(&self, cookie: i32, from: SocketAddr, peer: SocketId, now: Instant) -> bool {
        let minute = self.minute(now);
        [minute, minute.wrapping_sub(1)].into_iter().any(|minute| self.at(from, peer, minute) == cookie)
    }
}

/// What a packet to nobody in particular asks for.
#[derive(Debug)]
pub enum Asked {
    /// A cookie: this is the answer.
    Induction(Box<Packet>),
    /// A connection.
    Conclusion(Box<HandshakeControlInfo>, TimeStamp),
    /// Nothing that is to be answered.
    Nothing,
}

/// Reads a packet that is addressed to no connection.
pub fn read(packet: Packet, from: SocketAddr, cookies: &Cookies, now: Instant) -> Asked {
    let Packet::Control(ControlPacket { timestamp, control_type: ControlTypes::Handshake(shake), .. }) = packet else {
        return Asked::Nothing;
    };
    match shake.shake_type {
        ShakeType::Induction => {
            let cookie = cookies.at(from, shake.socket_id, cookies.minute(now));
            Asked::Induction(Box::new(induction(&shake, timestamp, cookie)))
        }
        ShakeType::Conclusion if cookies.is_ours(shake.syn_cookie, from, shake.socket_id, now) => {
            Asked::Conclusion(Box::new(shake), timestamp)
        }
        _ => Asked::Nothing,
    }
}

fn induction(shake: &HandshakeControlInfo, timestamp: TimeStamp, cookie: i32) -> Packet {
    let answer = HandshakeControlInfo {
        syn_cookie: cookie,
        shake_type: ShakeType::Induction,
        // Callers expect a socket to answer; which one it will be is decided by the conclusion.
        socket_id: SocketId(1),
        info: HandshakeVsInfo::V5(HsV5Info::default()),
        ..shake.clone()
    };
    control(shake, timestamp, answer)
}

fn control(to: &HandshakeControlInfo, timestamp: TimeStamp, answer: HandshakeControlInfo) -> Packet {
    Packet::Control(ControlPacket { timestamp, dest_sockid: to.socket_id, control_type: ControlTypes::Handshake(answer) })
}

/// The answer to a caller that is refused.
pub fn rejection(shake: &HandshakeControlInfo, timestamp: TimeStamp, refusal: Refusal) -> Packet {
    let reason = RejectReason::try_from(refusal.wire()).unwrap_or(RejectReason::User(refusal.wire()));
    let answer = HandshakeControlInfo {
        shake_type: ShakeType::Rejection(reason),
        info: HandshakeVsInfo::V5(HsV5Info::default()),
        ..shake.clone()
    };
    control(shake, timestamp, answer)
}

/// What is agreed on, and the answer that says so.
#[derive(Debug)]
pub struct Agreed {
    /// The connection.
    pub connection: Connection,
    /// For the caller.
    pub answer: Option<Packet>,
}

/// Agrees with a caller on these terms. `id` is to be our socket's.
///
/// # Errors
/// When its keys do not fit, with the refusal; `None` when it is to be ignored: what it says makes no sense.
pub fn conclude(
    shake: HandshakeControlInfo,
    timestamp: TimeStamp,
    from: SocketAddr,
    id: SocketId,
    terms: &Terms,
    settings: &SrtSettings,
    now: Instant,
) -> Result<Agreed, Option<Refusal>> {
    // What a caller claims makes buffers of ours, and packets.
    let latency = asked_latency(&shake);
    if shake.max_packet_size.0 < LEAST_PACKET || latency > LONGEST_LATENCY {
        return Err(Some(Refusal::Unacceptable));
    }
    let own = init_settings(id, terms, settings, latency)?;
    let induction = induction(&shake, timestamp, shake.syn_cookie);
    let mut listen = Listen::concluding(own, from, shake.syn_cookie, induction, now);
    let packet = control(&shake, timestamp, shake.clone());
    match listen.handle_packet(now, Ok((packet, from))) {
        ConnectionResult::Connected(answer, connection) => Ok(Agreed { connection, answer: answer.map(|(packet, _)| packet) }),
        ConnectionResult::Reject(..) => Err(Some(Refusal::BadSecret)),
        _ => Err(None),
    }
}

/// The longer one of the latencies that a caller asks for.
fn asked_latency(shake: &HandshakeControlInfo) -> Duration {
    match &shake.info {
        HandshakeVsInfo::V5(HsV5Info { ext_hs: Some(SrtControlPacket::HandshakeRequest(asked)), .. }) => {
            asked.send_latency.max(asked.recv_latency)
        }
        _ => Duration::ZERO,
    }
}

/// Our side of it; `latency` is the longest that the other side may ask for.
///
/// # Errors
/// When the passphrase is none.
pub(super) fn init_settings(
    id: SocketId,
    terms: &Terms,
    settings: &SrtSettings,
    latency: Duration,
) -> Result<ConnInitSettings, Option<Refusal>> {
    let key_settings = match &terms.passphrase {
        None => None,
        Some(secret) => {
            let passphrase = secret.expose().clone().try_into().map_err(|_| Some(Refusal::BadSecret))?;
            Some(KeySettings { key_size: KeySize::AES128, passphrase })
        }
    };
    let packets = settings.buffer(terms.latency.max(latency)) / u64::from(settings.payload_size.max(188));
    Ok(ConnInitSettings {
        local_sockid: id,
        key_settings,
        key_refresh: KeyMaterialRefreshSettings::default(),
        send_latency: terms.latency,
        recv_latency: terms.latency,
        peer_idle_timeout: settings.peer_idle_timeout,
        bandwidth: LiveBandwidthMode::Max(DataRate(settings.max_bandwidth / 8)),
        statistics_interval: NEVER,
        too_late_packet_drop: true,
        recv_buffer_size: PacketCount(packets),
        send_buffer_size: PacketCount(packets),
        max_packet_size: PacketSize(u64::from(settings.payload_size)),
        max_flow_size: PacketCount(u64::from(settings.flow_window)),
    })
}

/// What a conclusion says of its caller: stream id, whether it encrypts, and what there is nothing for.
pub fn described(shake: &HandshakeControlInfo) -> (&str, bool, Option<u16>) {
    match &shake.info {
        HandshakeVsInfo::V5(info) => (info.sid.as_deref().unwrap_or_default(), info.ext_km.is_some(), info.unsupported),
        HandshakeVsInfo::V4(_) => ("", false, None),
    }
}

#[cfg(test)]
mod tests {
    use srt_protocol::options::{PacketCount, SrtVersion};
    use srt_protocol::packet::{SeqNumber, SrtHandshake, SrtShakeFlags};

    use super::*;
    use crate::ingest::stream_id::Mode;

    /// What becomes of a caller that asks for packets of so many bytes and for so much latency: what it gets, or its refusal.
    fn asks(packet: u64, latency: u64) -> Result<Duration, Refusal> {
        let latency = Duration::from_millis(latency);
        let asked = SrtHandshake {
            version: SrtVersion::CURRENT,
            flags: SrtShakeFlags::SUPPORTED,
            send_latency: latency,
            recv_latency: Duration::ZERO,
        };
        let info = HsV5Info { ext_hs: Some(SrtControlPacket::HandshakeRequest(asked)), ..HsV5Info::default() };
        let shake = HandshakeControlInfo {
            init_seq_num: SeqNumber::new_truncate(7),
            max_packet_size: PacketSize(packet),
            max_flow_size: PacketCount(8192),
            shake_type: ShakeType::Conclusion,
            socket_id: SocketId(5),
            syn_cookie: 1,
            peer_addr: [127, 0, 0, 1].into(),
            info: HandshakeVsInfo::V5(info),
        };
        let (settings, latency) = (SrtSettings::default(), Duration::from_millis(120));
        let terms = Terms { name: "a".into(), mode: Mode::Request, passphrase: None, latency, proven: false };
        let from = "127.0.0.1:4000".parse().unwrap();
        conclude(shake, TimeStamp::from_micros(0), from, SocketId(9), &terms, &settings, Instant::now())
            .map(|agreed| agreed.connection.settings.recv_tsbpd_latency)
            .map_err(|refusal| refusal.expect("it is answered"))
    }

    #[rstest::rstest]
    #[case(1500, 0, Ok(120))]
    #[case(1500, 4000, Ok(4000))]
    #[case(232, 0, Ok(120))]
    #[case(231, 0, Err(Refusal::Unacceptable))]
    #[case(0, 0, Err(Refusal::Unacceptable))]
    #[case(1500, 10_001, Err(Refusal::Unacceptable))]
    fn callers_that_want_too_much(#[case] packet: u64, #[case] latency: u64, #[case] expected: Result<u64, Refusal>) {
        assert_eq!(asks(packet, latency), expected.map(Duration::from_millis));
    }

    #[test]
    fn a_cookie_holds_for_a_minute_at_least_and_for_nobody_else() {
        let now = Instant::now();
        let cookies = Cookies::new(now);
        let (from, other): (SocketAddr, SocketAddr) = ("10.0.0.1:1".parse().unwrap(), "10.0.0.1:2".parse().unwrap());
        let cookie = cookies.at(from, SocketId(7), cookies.minute(now));
        let holds = |from, peer, seconds| cookies.is_ours(cookie, from, SocketId(peer), now + Duration::from_secs(seconds));
        assert!(holds(from, 7, 0) && holds(from, 7, 119));
        assert!(!holds(from, 7, 120) && !holds(other, 7, 0) && !holds(from, 8, 0));
        assert!(!Cookies::new(now).is_ours(cookie, from, SocketId(7), now));
    }
}
