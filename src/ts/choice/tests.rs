use super::*;
use crate::ts::pmt::Entry;
use crate::ts::section::{self, packetize};

const VIDEO: u8 = 0x1B;
const AUDIO: u8 = 0x0F;
const DATA: u8 = 0x05;

struct Feed {
    tables: Tables,
    counters: [u8; 8192],
}

impl Feed {
    fn new(choice: Choice) -> Self {
        Self { tables: Tables::new(choice), counters: [0; 8192] }
    }

    fn section(&mut self, pid: u16, section: &[u8]) -> bool {
        let mut changed = false;
        for mut packet in packetize(pid, section) {
            let counter = &mut self.counters[pid as usize];
            packet[3] |= *counter & 0xF;
            *counter += 1;
            changed |= if pid == 0 { self.tables.pat(&packet) } else { self.tables.pmt(&packet) };
        }
        changed
    }

    fn pat(&mut self, version: u8, programmes: &[(u16, u16)]) -> bool {
        let entry = |&(number, pid): &(u16, u16)| [number.to_be_bytes(), (pid | 0xE000).to_be_bytes()].concat();
        self.section(0, &section::build(0, 1, version, &programmes.iter().flat_map(entry).collect::<Vec<_>>()))
    }

    fn pmt(&mut self, pid: u16, number: u16, version: u8, types: &[u8]) -> bool {
        let entry = |(&stream_type, n)| Entry { pid: pid + n, stream_type, descriptors: &[] };
        let entries: Vec<_> = types.iter().zip(1..).map(entry).collect();
        self.section(pid, &pmt::build(number, version, &pmt::body(0x1FFF, &[], &entries)))
    }

    fn current(&mut self) -> Option<(u16, bool)> {
        self.tables.current().map(|(programme, settled)| (programme.number, settled))
    }
}

#[test]
fn video_comes_before_audio_in_the_order_of_the_pat() {
    let mut feed = Feed::new(Choice::First);
    feed.pat(0, &[(10, 0x100), (20, 0x200), (30, 0x300)]);
    assert_eq!(feed.current(), None);
    feed.pmt(0x300, 30, 0, &[VIDEO]);
    assert_eq!(feed.current(), Some((30, false)));
    feed.pmt(0x200, 20, 0, &[AUDIO, VIDEO]);
    assert_eq!(feed.current(), Some((20, false)));
    feed.pmt(0x100, 10, 0, &[AUDIO]);
    assert_eq!(feed.current(), Some((20, true)));
}

#[test]
fn a_programme_without_a_pmt_is_not_waited_for_for_ever() {
    let mut feed = Feed::new(Choice::First);
    feed.pat(0, &[(10, 0x100), (20, 0x200)]);
    feed.pmt(0x200, 20, 0, &[VIDEO]);
    assert_eq!(feed.current(), Some((20, false)));
    assert!(feed.pmt(0x200, 20, 0, &[VIDEO]), "the repetition settles it");
    assert_eq!(feed.current(), Some((20, true)));
    feed.pmt(0x100, 10, 0, &[VIDEO]);
    assert_eq!(feed.current(), Some((20, true)), "and then it stays");
}

#[test]
fn radio_is_settled_when_all_are_known() {
    let mut feed = Feed::new(Choice::First);
    feed.pat(0, &[(10, 0x100), (20, 0x200), (30, 0x300)]);
    feed.pmt(0x100, 10, 0, &[DATA]);
    feed.pmt(0x200, 20, 0, &[AUDIO]);
    assert_eq!(feed.current(), Some((20, false)));
    feed.pmt(0x300, 30, 0, &[]);
    assert_eq!(feed.current(), Some((20, true)));
}

#[test]
fn a_number_is_waited_for() {
    let mut feed = Feed::new(Choice::Number(20));
    feed.pat(0, &[(10, 0x100), (20, 0x200)]);
    feed.pmt(0x100, 10, 0, &[VIDEO]);
    assert_eq!(feed.current(), None);
    feed.pmt(0x200, 20, 0, &[AUDIO]);
    assert_eq!(feed.current(), Some((20, true)));
}

#[test]
fn a_programme_that_leaves_the_pat_is_replaced() {
    let mut feed = Feed::new(Choice::First);
    feed.pat(0, &[(10, 0x100)]);
    feed.pmt(0x100, 10, 0, &[VIDEO]);
    assert_eq!(feed.current(), Some((10, true)));
    assert!(feed.pat(1, &[(11, 0x100), (12, 0x200)]));
    assert_eq!(feed.current(), None);
    feed.pmt(0x100, 11, 1, &[VIDEO]);
    assert_eq!(feed.current(), Some((11, true)));
    assert!(!feed.pat(1, &[(11, 0x100), (12, 0x200)]), "repetition is no change");
}

#[test]
fn a_changed_pmt_is_noticed_even_without_a_new_version() {
    let mut feed = Feed::new(Choice::First);
    feed.pat(0, &[(10, 0x100)]);
    assert!(feed.pmt(0x100, 10, 0, &[VIDEO]));
    assert_eq!(feed.current(), Some((10, true)));
    assert!(feed.pmt(0x100, 10, 0, &[VIDEO, AUDIO]));
    assert_eq!(feed.tables.current().unwrap().0.streams.len(), 2);
}

#[test]
fn programmes_may_share_a_pmt_pid() {
    let mut feed = Feed::new(Choice::Number(11));
    feed.pat(0, &[(10, 0x100), (11, 0x100)]);
    let both = [pmt::build(10, 0, &pmt::body(0x1FFF, &[], &[])), pmt::build(11, 0, &pmt::body(0x1FFF, &[], &[]))].concat();
    feed.section(0x100, &both);
    assert_eq!(feed.current(), Some((11, true)));
}
