//! `mpeg2ts-reader` as its example `simple` has it: tables followed, every elementary stream of every programme given to
//! a consumer, which reads the time stamps and takes notice of each piece of payload without touching it.

use std::cell::Cell;
use std::rc::Rc;

use mpeg2ts_reader::demultiplex::{Demultiplex, FilterRequest, NullPacketFilter, PatPacketFilter, PmtPacketFilter};
use mpeg2ts_reader::pes::{ElementaryStreamConsumer, PesContents, PesHeader, PesPacketFilter, PtsDts};
use mpeg2ts_reader::{demux_context, packet_filter_switch, psi};

use super::Reader;

packet_filter_switch! {
    Switch<Context> {
        Pat: PatPacketFilter<Context>,
        Pmt: PmtPacketFilter<Context>,
        Pes: PesPacketFilter<Context, Consumer>,
        Null: NullPacketFilter<Context>,
    }
}
demux_context!(Context, Switch);

thread_local! {
    static DELIVERED: Rc<Cell<u64>> = Rc::default();
}

impl Context {
    fn do_construct(&mut self, request: FilterRequest<'_, '_>) -> Switch {
        match request {
            FilterRequest::ByPid(psi::pat::PAT_PID) => Switch::Pat(PatPacketFilter::default()),
            FilterRequest::Pmt { pid, program_number } => Switch::Pmt(PmtPacketFilter::new(pid, program_number)),
            FilterRequest::ByStream { .. } => {
                Switch::Pes(PesPacketFilter::new(Consumer { delivered: DELIVERED.with(Rc::clone) }))
            }
            FilterRequest::ByPid(_) | FilterRequest::Nit { .. } => Switch::Null(NullPacketFilter::default()),
        }
    }
}

struct Consumer {
    delivered: Rc<Cell<u64>>,
}

impl Consumer {
    #[inline]
    fn take(&mut self, data: &[u8]) {
        self.delivered.set(self.delivered.get() + std::hint::black_box(data).len() as u64);
    }
}

impl ElementaryStreamConsumer<Context> for Consumer {
    fn start_stream(&mut self, _: &mut Context) {}

    fn begin_packet(&mut self, _: &mut Context, header: PesHeader<'_>) {
        match header.contents() {
            PesContents::Parsed(Some(content)) => {
                if let Ok(PtsDts::PtsOnly(Ok(stamp)) | PtsDts::Both { dts: Ok(stamp), .. }) = content.pts_dts() {
                    std::hint::black_box(stamp.value());
                }
                self.take(content.payload());
            }
            PesContents::Parsed(None) => {}
            PesContents::Payload(payload) => self.take(payload),
        }
    }

    fn continue_packet(&mut self, _: &mut Context, data: &[u8]) {
        self.take(data);
    }

    fn end_packet(&mut self, _: &mut Context) {}

    fn continuity_error(&mut self, _: &mut Context) {}
}

/// A demultiplexer, and what it read last.
pub struct Session {
    context: Context,
    demultiplex: Demultiplex<Context>,
    read: Vec<u8>,
}

impl Default for Session {
    fn default() -> Self {
        let mut context = Context::new();
        let demultiplex = Demultiplex::new(&mut context);
        Self { context, demultiplex, read: Vec::new() }
    }
}

impl Reader for Session {
    fn arrive(&mut self, bytes: &[u8]) -> usize {
        self.read.clear();
        self.read.extend_from_slice(bytes);
        bytes.len()
    }

    #[inline(never)]
    fn pass(&mut self) {
        self.demultiplex.push(&mut self.context, &self.read);
    }

    fn finish(self) -> u64 {
        DELIVERED.with(|delivered| delivered.take())
    }
}

/// A mere reader.
#[derive(Default)]
pub struct Arrival {
    read: Vec<u8>,
}

impl Reader for Arrival {
    fn arrive(&mut self, bytes: &[u8]) -> usize {
        self.read.clear();
        self.read.extend_from_slice(bytes);
        bytes.len()
    }

    #[inline(never)]
    fn pass(&mut self) {
        std::hint::black_box(&self.read);
    }

    fn finish(self) -> u64 {
        self.read.len() as u64
    }
}
