//! What a stream without a name is called, and whether it is one that was there before. Pure.
//!
//! An encoder that is started again has another synchronisation source, and mostly another port. It is the same stream for those who
//! watch, if the one before is silent; if that goes on there are two.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::base::clock::Instant;
use crate::rtp::table::Id;

/// A stream of the same sender that is heard so long after the newer one began goes on beside it.
const BESIDE: Duration = Duration::from_millis(200);
/// Whoever has been silent for so long may be followed by somebody else, too.
pub(super) const LET_GO: Duration = Duration::from_secs(5);
/// Streams whose names are remembered.
const REMEMBERED: usize = 100;
/// Names of one sender that are tried.
const MOST_NAMES: u32 = 1000;

/// A stream that wants a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newcomer {
    pub(super) ip: IpAddr,
    pub(super) payload_type: u8,
    pub(super) began: Instant,
    /// It has had no name yet: the newest may take a name that is in use.
    pub(super) newest: bool,
}

/// A stream of the same port that has a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder {
    pub(super) id: Id,
    pub(super) ip: IpAddr,
    pub(super) payload_type: u8,
    pub(super) heard: Instant,
    /// When it is taken for gone, if nothing comes: [`crate::rtp::session::Session::silent_at`].
    pub(super) silent_at: Instant,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It takes a name that nobody has.
    Free,
    /// It takes the name of this one.
    Over(Id),
    /// It cannot be told yet.
    Waits,
    /// The port's name is this sender's.
    Taken(IpAddr),
}

/// Decides about a newcomer. `alone`: all that comes to the port is one stream.
pub(super) fn turn(now: Instant, newcomer: &Newcomer, alone: bool, holders: impl Iterator<Item = Holder> + Clone) -> Turn {
    let silent = |holder: &Holder| now.saturating_duration_since(holder.heard);
    let same = |holder: &Holder| holder.ip == newcomer.ip;
    if alone {
        let Some(holder) = holders.max_by_key(|holder| holder.heard) else { return Turn::Free };
        let is_gone = if same(&holder) { now >= holder.silent_at } else { silent(&holder) >= LET_GO };
        // Sound beside pictures is no new beginning of theirs.
        let begins_anew = same(&holder) && newcomer.newest && holder.payload_type == newcomer.payload_type;
        let over = is_gone || begins_anew;
        return if over { Turn::Over(holder.id) } else { Turn::Taken(holder.ip) };
    }
    let before = holders.filter(same);
    if let Some(holder) = before.clone().filter(|holder| now >= holder.silent_at).max_by_key(|holder| holder.heard) {
        return Turn::Over(holder.id);
    }
    let beside = |holder: &Holder| holder.heard >= newcomer.began + BESIDE;
    if before.clone().all(|holder| beside(&holder)) { Turn::Free } else { Turn::Waits }
}

/// What senders were called.
#[derive(Debug, Default)]
pub(super) struct Names {
    past: VecDeque<(SocketAddr, u32, String)>,
}

impl Names {
    /// A name for a stream: the one that it had, as far as it can be known, or the first that is free.
    pub(super) fn choose(&self, from: SocketAddr, ssrc: u32, is_free: impl Fn(&str) -> bool) -> String {
        let again = |is: &dyn Fn(&SocketAddr, u32) -> bool| {
            let had = self.past.iter().rev().filter(|(from, ssrc, _)| is(from, *ssrc)).map(|(_, _, name)| name);
            had.into_iter().find(|name| is_free(name)).cloned()
        };
        let base = of_ip(from.ip());
        again(&|past, _| *past == from)
            .or_else(|| again(&|past, source| past.ip() == from.ip() && source == ssrc))
            .or_else(|| (1..MOST_NAMES).map(|n| numbered(&base, n)).find(|name| is_free(name)))
            .unwrap_or(base)
    }

    /// Remembers the name of a stream.
    pub(super) fn keep(&mut self, from: SocketAddr, ssrc: u32, name: &str) {
        self.past.retain(|(past, source, _)| (*past, *source) != (from, ssrc));
        if self.past.len() >= REMEMBERED {
            self.past.pop_front();
        }
        self.past.push_back((from, ssrc, name.to_owned()));
    }
}

/// What a stream is called whose sender, or group, has this address.
pub(super) fn of_ip(ip: IpAddr) -> String {
    format!("rtp-{}", ip.to_canonical())
}

fn numbered(base: &str, n: u32) -> String {
    if n == 1 { base.to_owned() } else { format!("{base}-{n}") }
}

#[cfg(test)]
mod tests {
    use crate::rtp::session::HANDOVER;
    use std::net::Ipv4Addr;

    use super::*;
    use crate::base::clock;

    fn ip(host: u8) -> IpAddr {
        Ipv4Addr::new(192, 168, 1, host).into()
    }

    /// Holders: host, and how many milliseconds ago they were heard. A newcomer of host 1 that began so long ago.
    #[rstest::rstest]
    #[case::first(false, 0, true, &[], Turn::Free)]
    #[case::of_another_host(false, 0, true, &[(2, 0)], Turn::Free)]
    #[case::started_again(false, 0, true, &[(1, 100)], Turn::Over(Id(0)))]
    #[case::not_known_yet(false, 0, true, &[(1, 99)], Turn::Waits)]
    #[case::the_old_one_goes_on(false, 210, true, &[(1, 10)], Turn::Free)]
    #[case::one_of_two_goes_on(false, 300, true, &[(1, 10), (1, 90)], Turn::Free)]
    #[case::one_of_two_may_have_gone(false, 210, true, &[(1, 0), (1, 50)], Turn::Waits)]
    #[case::one_of_two_was_started_again(false, 300, true, &[(1, 10), (1, 150)], Turn::Over(Id(1)))]
    #[case::of_a_port_with_a_name(true, 0, true, &[], Turn::Free)]
    #[case::the_newest_of_a_host_wins(true, 0, true, &[(1, 0)], Turn::Over(Id(0)))]
    #[case::and_stays(true, 0, false, &[(1, 0)], Turn::Taken(ip(1)))]
    #[case::until_it_is_silent(true, 0, false, &[(1, 100)], Turn::Over(Id(0)))]
    #[case::a_stranger_waits(true, 0, true, &[(2, 4999)], Turn::Taken(ip(2)))]
    #[case::for_long(true, 0, true, &[(2, 5000)], Turn::Over(Id(0)))]
    fn who_is_called_what(
        #[case] alone: bool,
        #[case] ms: u64,
        #[case] newest: bool,
        #[case] holders: &[(u8, u64)],
        #[case] expected: Turn,
    ) {
        let now = clock::now() + Duration::from_secs(60);
        let newcomer = Newcomer { ip: ip(1), payload_type: 33, began: now - Duration::from_millis(ms), newest };
        let holders = holders.iter().zip(0..);
        let holders = holders.map(|((host, ago), id)| {
            let heard = now - Duration::from_millis(*ago);
            Holder { id: Id(id), ip: ip(*host), payload_type: 33, heard, silent_at: heard + HANDOVER }
        });
        assert_eq!(turn(now, &newcomer, alone, holders), expected);
    }

    #[test]
    fn names_are_readable_and_found_again() {
        let mut names = Names::default();
        let at = |port| SocketAddr::new(ip(7), port);
        let taken = ["rtp-192.168.1.7", "rtp-192.168.1.7-2"];
        assert_eq!(names.choose(at(1), 5, |_| true), taken[0]);
        assert_eq!(names.choose(at(1), 5, |name| !taken.contains(&name)), "rtp-192.168.1.7-3");
        names.keep(at(1), 5, taken[0]);
        names.keep(at(2), 6, taken[1]);
        assert_eq!(names.choose(at(2), 9, |_| true), taken[1], "by its port");
        assert_eq!(names.choose(at(3), 6, |_| true), taken[1], "by its source");
        assert_eq!(names.choose(at(3), 9, |_| true), taken[0]);
        assert_eq!(names.choose(at(2), 9, |name| name != taken[1]), taken[0]);
        (0..300).for_each(|port| names.keep(at(port), 1, "x"));
        assert_eq!(names.past.len(), REMEMBERED);
        assert_eq!(of_ip("::ffff:10.0.0.1".parse().unwrap()), "rtp-10.0.0.1");
    }
}
