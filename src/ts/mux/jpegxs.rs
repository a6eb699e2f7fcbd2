//! JPEG XS as a transport stream carries it (13818-1, 2.4.2 and 2.6, Amd 1): what is said of a stream, as its descriptor and as the
//! elementary stream header in front of each access unit.

/// Tag of the extension_descriptor (13818-1, 2.6.90).
const EXTENSION: u8 = 0x3F;
/// extension_descriptor_tag of the JXS_video_descriptor.
const JXS_VIDEO: u8 = 0x14;
/// buffer_model_type: the only one of descriptor_version 0.
const BUFFER_MODEL: u8 = 2;
/// Bytes of the elementary stream header.
pub const HEADER: usize = 30;

/// What is said of a stream. Fields are named as in ISO/IEC 21122; what is 0 is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// Pixels of a frame.
    pub width: u16,
    /// Lines of a frame.
    pub height: u16,
    /// The highest bit rate in Mbit/s.
    pub brat: u32,
    /// Interlace mode, and the frame rate (21122-3, tables A.7 and A.8).
    pub frat: u32,
    /// Bits of a sample and sampling structure (21122-3, table A.10), with a flag that they are said.
    pub schar: u16,
    /// Profile.
    pub ppih: u16,
    /// Level and sublevel.
    pub plev: u16,
    /// Primaries, transfer characteristics and matrix coefficients (ITU-T H.273); 2 where they are not known.
    pub colour: [u8; 3],
    /// Samples have their whole range.
    pub full_range: bool,
}

impl Description {
    /// The tag and the body of its descriptor. Its buffer size is not said.
    pub fn descriptor(&self) -> (u8, [u8; 30]) {
        let mut body = [0; 30];
        body[0] = JXS_VIDEO;
        body[2..4].copy_from_slice(&self.width.to_be_bytes());
        body[4..6].copy_from_slice(&self.height.to_be_bytes());
        body[6..20].copy_from_slice(&self.rates());
        body[24] = BUFFER_MODEL;
        body[25..28].copy_from_slice(&self.colour);
        // Reserved bits are ones; then still_mode, mdm_flag and reserved zeros.
        body[28] = u8::from(self.full_range) << 7 | 0x7F;
        (EXTENSION, body)
    }

    /// The elementary stream header of an access unit, with its time code (21122-3: hours, minutes, seconds, frames; a byte each).
    pub fn header(&self, time_code: u32) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[3] = HEADER as u8;
        header[4..8].copy_from_slice(b"jxes");
        header[8..22].copy_from_slice(&self.rates());
        header[22..25].copy_from_slice(&self.colour);
        header[25] = u8::from(self.full_range) << 7;
        header[26..30].copy_from_slice(&time_code.to_be_bytes());
        header
    }

    /// What both have in the same order: brat, frat, schar, Ppih, Plev.
    fn rates(&self) -> [u8; 14] {
        let mut bytes = [0; 14];
        bytes[0..4].copy_from_slice(&self.brat.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.frat.to_be_bytes());
        bytes[8..10].copy_from_slice(&self.schar.to_be_bytes());
        bytes[10..12].copy_from_slice(&self.ppih.to_be_bytes());
        bytes[12..14].copy_from_slice(&self.plev.to_be_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptor_and_header() {
        let description = Description {
            width: 1920,
            height: 1080,
            brat: 200,
            frat: 0x0200_003C,
            schar: 0x8090,
            ppih: 0x3540,
            plev: 0x1008,
            colour: [1, 1, 1],
            full_range: true,
        };
        let (tag, body) = description.descriptor();
        assert_eq!(tag, 0x3F);
        let expected = [
            0x14, 0, 0x07, 0x80, 0x04, 0x38, 0, 0, 0, 200, 0x02, 0, 0, 60, 0x80, 0x90, 0x35, 0x40, 0x10, 0x08, 0, 0, 0, 0, 2, 1,
            1, 1, 0xFF, 0,
        ];
        assert_eq!(body, expected);
        let header = description.header(0x0102_0304);
        assert_eq!(header[..8], [0, 0, 0, 30, b'j', b'x', b'e', b's']);
        assert_eq!(header[8..22], body[6..20]);
        assert_eq!(header[22..], [1, 1, 1, 0x80, 1, 2, 3, 4]);
    }
}
