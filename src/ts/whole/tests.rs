use proptest::prelude::*;

use super::*;

const VIDEO: u16 = 0x100;
const AUDIO: u16 = 0x110;
const DATA: u16 = 0x150;

/// The beginning of a unit of this length (0: not said).
fn begins(pid: u16, length: u16) -> RawPacket {
    let mut packet = goes_on(pid);
    packet[1] |= 0x40;
    packet[4..13].copy_from_slice(&[0, 0, 1, 0xE0, (length >> 8) as u8, length as u8, 0x80, 0, 0]);
    packet
}

fn goes_on(pid: u16) -> RawPacket {
    let mut packet = [0x55; PACKET];
    packet[..4].copy_from_slice(&packet::plain(pid).to_be_bytes());
    packet
}

fn ends(pid: u16) -> RawPacket {
    let mut packet = goes_on(pid);
    packet[3..6].copy_from_slice(&[0x30, 20, 0]);
    packet
}

#[derive(Default)]
struct Written {
    whole: Whole,
    out: Vec<u8>,
}

impl Written {
    /// Writes a packet, and says how many may go out.
    fn write(&mut self, packet: RawPacket) -> usize {
        match packet[1] & 0x40 != 0 {
            true => self.whole.packet(&packet, self.out.len(), Duration::ZERO),
            false => self.whole.run(&[packet]),
        }
        self.out.extend_from_slice(&packet);
        self.whole.until(self.out.len()) / PACKET
    }
}

#[test]
fn a_unit_goes_out_when_it_is_at_its_end() {
    let mut written = Written::default();
    let mut count = |packet| written.write(packet);
    assert_eq!([begins(VIDEO, 0), goes_on(VIDEO)].map(&mut count), [1, 2], "somebody waits for the first");
    assert_eq!([begins(VIDEO, 0), goes_on(VIDEO), goes_on(VIDEO)].map(&mut count), [2, 2, 2]);
    assert_eq!(count(ends(VIDEO)), 6, "by its stuffing");
    assert_eq!([begins(VIDEO, 0), goes_on(VIDEO), begins(VIDEO, 0)].map(&mut count), [6, 6, 8], "by the next one");
    assert_eq!(count(ends(VIDEO)), 10);
    assert_eq!([begins(AUDIO, 184 * 2 - 6), goes_on(AUDIO)].map(&mut count), [10, 12], "by its length");
    assert_eq!([begins(DATA, 0), goes_on(DATA)].map(&mut count), [13, 14], "other streams are not looked at");
}

#[rstest::rstest]
#[case::plain([0x10, 0x55, 0x55], false)]
#[case::one_byte([0x30, 0, 0x55], true)]
#[case::no_more_than_flags([0x30, 1, 0x40], false)]
#[case::a_clock([0x30, 7, 0x10], false)]
#[case::a_clock_and_stuffing([0x30, 9, 0x10], true)]
#[case::private_data([0x30, 30, 0x02], false)]
#[case::no_payload([0x20, 183, 0], false)]
fn stuffing(#[case] head: [u8; 3], #[case] stuffed: bool) {
    let mut packet = goes_on(VIDEO);
    packet[3..6].copy_from_slice(&head);
    assert_eq!(is_stuffed(&packet), stuffed);
}

#[test]
fn no_unit_waits_for_ever() {
    let mut written = Written::default();
    for packet in [begins(VIDEO, 0), begins(VIDEO, 0)] {
        written.write(packet);
    }
    let held = (0..MOST_BYTES / PACKET + 1).map(|_| written.write(goes_on(VIDEO))).filter(|until| *until == 1).count();
    assert_eq!(held, MOST_BYTES / PACKET - 1);
}

#[test]
fn a_unit_that_was_broken_off_holds_nobody_up() {
    let mut written = Written::default();
    let count = [begins(VIDEO, 0), begins(VIDEO, 0), goes_on(DATA)].map(|packet| written.write(packet));
    assert_eq!(count, [1, 1, 1]);
    written.whole.go_on_to(LONGEST);
    assert_eq!(written.write(goes_on(DATA)), 1);
    written.whole.go_on_to(LONGEST + Duration::from_millis(1));
    assert_eq!(written.write(goes_on(DATA)), 5);
}

proptest! {
    #[test]
    fn what_may_go_out_never_shrinks(packets in proptest::collection::vec((0..3u8, 0..3u8, 0..600u16, any::<bool>()), 0..300)) {
        let mut written = Written::default();
        let mut last = 0;
        for (stream, kind, length, send) in packets {
            let pid = [VIDEO, AUDIO, DATA][usize::from(stream)];
            let packet = match kind {
                0 => begins(pid, length),
                1 => goes_on(pid),
                _ => ends(pid),
            };
            let until = written.write(packet);
            prop_assert!(until >= last);
            last = until;
            if send {
                written.out.drain(..until * PACKET);
                written.whole.sent(until * PACKET);
                last = 0;
            }
        }
        let open = written.whole.take();
        let begun = |open: &Open| pid(header(written.out[open.at..].first_chunk().unwrap())) == open.pid;
        prop_assert!(open.iter().all(begun), "each begins where it is said to");
        prop_assert_eq!(written.whole.until(written.out.len()), written.out.len());
    }
}
