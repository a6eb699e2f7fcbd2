//! Text as coverage: letters of DejaVu Sans laid side by side, anti-aliased. The font is part of the executable, which can
//! open no file.

use swash::FontRef;
use swash::scale::{Render, ScaleContext, Source};
use swash::zeno::Format;

/// How much of each pixel something covers, 0 to 255, row by row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mask {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` values.
    pub coverage: Vec<u8>,
}

/// A typeface at hand.
pub struct Face {
    font: FontRef<'static>,
    context: ScaleContext,
}

impl Face {
    /// DejaVu Sans Bold.
    pub fn bold() -> Option<Self> {
        Self::of(dejavu::sans::bold())
    }

    /// DejaVu Sans.
    pub fn regular() -> Option<Self> {
        Self::of(dejavu::sans::regular())
    }

    fn of(bytes: &'static [u8]) -> Option<Self> {
        Some(Self { font: FontRef::from_index(bytes, 0)?, context: ScaleContext::new() })
    }

    /// Width of a line in pixels at a size of `size` pixels.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        let (charmap, metrics) = (self.font.charmap(), self.font.glyph_metrics(&[]).scale(size));
        text.chars().map(|letter| metrics.advance_width(charmap.map(letter))).sum()
    }

    /// The largest size up to `size` at which a line is no wider than `width`.
    pub fn fitting(&self, text: &str, size: f32, width: f32) -> f32 {
        let natural = self.width(text, size);
        if natural > width { size * width / natural } else { size }
    }

    /// The letters of a text that the typeface has. Of the others it would show boxes.
    pub fn known(&self, text: &str) -> String {
        let charmap = self.font.charmap();
        let known: String = text.chars().filter(|letter| *letter == ' ' || charmap.map(*letter) != 0).collect();
        known.trim().to_owned()
    }

    /// A line of text, as high as the typeface at that size.
    pub fn line(&mut self, text: &str, size: f32) -> Mask {
        let metrics = self.font.metrics(&[]).scale(size);
        let baseline = metrics.ascent.ceil();
        let mut mask = Mask::empty(self.width(text, size).ceil() as usize + 2, (baseline + metrics.descent.ceil()) as usize);
        let (charmap, advances) = (self.font.charmap(), self.font.glyph_metrics(&[]).scale(size));
        let mut scaler = self.context.builder(self.font).size(size).hint(false).build();
        let mut pen = 0.0f32;
        for letter in text.chars() {
            let glyph = charmap.map(letter);
            let offset = swash::zeno::Vector::new(pen.fract(), 0.0);
            let image = Render::new(&[Source::Outline]).format(Format::Alpha).offset(offset).render(&mut scaler, glyph);
            if let Some(image) = image {
                let left = pen.floor() as i32 + image.placement.left;
                let top = baseline as i32 - image.placement.top;
                mask.add(left, top, image.placement.width as usize, &image.data);
            }
            pen += advances.advance_width(glyph);
        }
        mask
    }
}

impl Mask {
    fn empty(width: usize, height: usize) -> Self {
        Self { width, height, coverage: vec![0; width * height] }
    }

    /// Lays a smaller mask over this one, clipped.
    fn add(&mut self, left: i32, top: i32, width: usize, coverage: &[u8]) {
        for (row, values) in coverage.chunks(width.max(1)).enumerate() {
            let Some(y) = usize::try_from(top + row as i32).ok().filter(|y| *y < self.height) else { continue };
            for (column, value) in values.iter().enumerate() {
                let Some(x) = usize::try_from(left + column as i32).ok().filter(|x| *x < self.width) else { continue };
                let at = y * self.width + x;
                if let Some(there) = self.coverage.get_mut(at) {
                    *there = (*there).max(*value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_leave_marks_within_their_width_and_a_long_line_is_made_to_fit() {
        let mut face = Face::bold().unwrap();
        let mask = face.line("Äpfel Ж 1", 40.0);
        assert_eq!(mask.coverage.len(), mask.width * mask.height);
        assert!(mask.coverage.iter().filter(|value| **value > 128).count() > 500);
        let size = face.fitting("a very long line indeed", 40.0, 100.0);
        assert!(face.width("a very long line indeed", size) <= 100.5);
        assert_eq!(face.fitting("a", 40.0, 100.0), 40.0);
        assert_eq!(face.line("", 40.0).width, 2);
        assert_eq!(face.known("日本テレビ Ünï 1\n"), "Ünï 1");
    }
}
