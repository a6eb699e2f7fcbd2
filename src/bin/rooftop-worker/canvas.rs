//! A picture in RGB to draw on, and its planes in YUV 4:2:0 as encoders want them.

use crate::text::Mask;

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// A part of a picture, in pixels; what lies outside of the picture is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Area {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

/// A picture.
#[derive(Debug, Clone)]
pub struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Rgb>,
}

impl Canvas {
    /// A black picture.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![[0; 3]; width * height] }
    }

    /// The whole picture.
    pub fn all(&self) -> Area {
        Area { x: 0, y: 0, width: self.width as i32, height: self.height as i32 }
    }

    /// Calls `draw` with every pixel of an area that lies in the picture, and where it is.
    pub fn each(&mut self, area: Area, mut draw: impl FnMut(i32, i32, &mut Rgb)) {
        let (left, right) = clip(area.x, area.width, self.width);
        let (top, bottom) = clip(area.y, area.height, self.height);
        for y in top..bottom {
            let row = self.pixels.get_mut(y * self.width + left..y * self.width + right).unwrap_or_default();
            for (x, pixel) in (left..right).zip(row) {
                draw(x as i32, y as i32, pixel);
            }
        }
    }

    /// Paints an area over, as densely as `alpha` says.
    pub fn fill(&mut self, area: Area, colour: Rgb, alpha: u8) {
        self.each(area, |_, _, pixel| blend(pixel, colour, alpha));
    }

    /// Paints a rectangle with round corners.
    pub fn panel(&mut self, area: Area, radius: f32, colour: Rgb, alpha: u8) {
        let (half_w, half_h) = (area.width as f32 / 2.0, area.height as f32 / 2.0);
        let (cx, cy) = (area.x as f32 + half_w, area.y as f32 + half_h);
        self.each(area, |x, y, pixel| {
            let dx = ((x as f32 + 0.5 - cx).abs() - half_w + radius).max(0.0);
            let dy = ((y as f32 + 0.5 - cy).abs() - half_h + radius).max(0.0);
            let inside = radius + 0.5 - dx.hypot(dy);
            blend(pixel, colour, covered(inside, alpha));
        });
    }

    /// Paints a disc, and gives the area that it touches.
    pub fn disc(&mut self, cx: f32, cy: f32, radius: f32, colour: Rgb, alpha: u8) -> Area {
        self.ring(cx, cy, radius, radius * 2.0, colour, alpha)
    }

    /// Paints a circle whose line goes `thickness` inwards, and gives the area that it touches.
    pub fn ring(&mut self, cx: f32, cy: f32, radius: f32, thickness: f32, colour: Rgb, alpha: u8) -> Area {
        let edge = radius.ceil() as i32 + 1;
        let area = Area { x: cx as i32 - edge, y: cy as i32 - edge, width: 2 * edge + 1, height: 2 * edge + 1 };
        self.each(area, |x, y, pixel| {
            let distance = (x as f32 + 0.5 - cx).hypot(y as f32 + 0.5 - cy);
            let inside = (radius - distance).min(distance - (radius - thickness)) + 0.5;
            blend(pixel, colour, covered(inside, alpha));
        });
        area
    }

    /// Paints through a mask, and gives the area that it touches.
    pub fn mask(&mut self, x: i32, y: i32, mask: &Mask, colour: Rgb) -> Area {
        let area = Area { x, y, width: mask.width as i32, height: mask.height as i32 };
        self.each(area, |px, py, pixel| {
            let at = (py - y) as usize * mask.width + (px - x) as usize;
            blend(pixel, colour, mask.coverage.get(at).copied().unwrap_or(0));
        });
        area
    }

    /// Paints a picture of four bytes a pixel (red, green, blue, opacity) into an area of its size. Its rows lie `stride` bytes
    /// apart.
    pub fn picture(&mut self, area: Area, rgba: &[u8], stride: usize) {
        self.each(area, |x, y, pixel| {
            let at = (y - area.y) as usize * stride + (x - area.x) as usize * 4;
            if let Some([red, green, blue, alpha]) = rgba.get(at..at + 4) {
                blend(pixel, [*red, *green, *blue], *alpha);
            }
        });
    }

    /// Copies one row of colours into every row of an area.
    pub fn rows(&mut self, area: Area, row: &[Rgb]) {
        let (left, right) = clip(area.x, area.width, self.width);
        let (top, bottom) = clip(area.y, area.height, self.height);
        let row = row.get(..right - left).unwrap_or_default();
        for y in top..bottom {
            if let Some(to) = self.pixels.get_mut(y * self.width + left..y * self.width + left + row.len()) {
                to.copy_from_slice(row);
            }
        }
    }

    /// Copies an area from a picture of the same size.
    pub fn restore(&mut self, area: Area, from: &Canvas) {
        let (left, right) = clip(area.x, area.width, self.width);
        let (top, bottom) = clip(area.y, area.height, self.height);
        for y in top..bottom {
            let row = y * self.width + left..y * self.width + right;
            if let (Some(to), Some(from)) = (self.pixels.get_mut(row.clone()), from.pixels.get(row)) {
                to.copy_from_slice(from);
            }
        }
    }
}

/// A picture in YUV 4:2:0, limited range.
#[derive(Debug, Clone)]
pub struct Planes {
    /// Luma, Cb, Cr: rows without padding.
    pub planes: [Vec<u8>; 3],
    width: usize,
    height: usize,
    weights: Weights,
}

impl Planes {
    /// Grey planes of an even size. Pictures of more than 576 lines are in the colours of BT.709, others of BT.601.
    pub fn new(width: usize, height: usize) -> Self {
        let chroma = width.div_ceil(2) * height.div_ceil(2);
        let weights = if height > 576 { Weights::new(0.2126, 0.0722) } else { Weights::new(0.299, 0.114) };
        Self { planes: [vec![16; width * height], vec![128; chroma], vec![128; chroma]], width, height, weights }
    }

    /// Takes an area over from a picture of the same size.
    pub fn take(&mut self, area: Area, canvas: &Canvas) {
        let (left, right) = clip(area.x & !1, area.width.saturating_add(2), self.width & !1);
        let (top, bottom) = clip(area.y & !1, area.height.saturating_add(2), self.height & !1);
        for y in (top..bottom).step_by(2) {
            self.take_two_rows(y, left, right, canvas);
        }
    }

    /// Rows `y` and `y + 1`, from pixel `left` to `right`: all even.
    fn take_two_rows(&mut self, y: usize, left: usize, right: usize, canvas: &Canvas) {
        let upper = canvas.pixels.get(y * self.width + left..y * self.width + right).unwrap_or_default();
        let lower = canvas.pixels.get((y + 1) * self.width + left..(y + 1) * self.width + right).unwrap_or_default();
        let [luma, cb, cr] = &mut self.planes;
        let (first, second) = luma.split_at_mut((y + 1) * self.width);
        let first = first.get_mut(y * self.width + left..y * self.width + right).unwrap_or_default();
        let second = second.get_mut(left..right).unwrap_or_default();
        let chroma = y / 2 * (self.width / 2) + left / 2;
        let (cb, cr) = (cb.get_mut(chroma..).unwrap_or_default(), cr.get_mut(chroma..).unwrap_or_default());
        let (upper, _) = upper.as_chunks::<2>();
        let (lower, _) = lower.as_chunks::<2>();
        let (first, _) = first.as_chunks_mut::<2>();
        let (second, _) = second.as_chunks_mut::<2>();
        for (((([a, b], [c, d]), ab), cd), (cb, cr)) in upper.iter().zip(lower).zip(first).zip(second).zip(cb.iter_mut().zip(cr))
        {
            *ab = [self.weights.luma(*a), self.weights.luma(*b)];
            *cd = [self.weights.luma(*c), self.weights.luma(*d)];
            let mean = |at: usize| ((i32::from(a[at]) + i32::from(b[at]) + i32::from(c[at]) + i32::from(d[at])) / 4) as u8;
            (*cb, *cr) = self.weights.chroma([mean(0), mean(1), mean(2)]);
        }
    }
}

/// What makes luma and chroma of RGB (BT.601 and BT.709, limited range), in 1/65536.
#[derive(Debug, Clone, Copy)]
struct Weights {
    luma: [i32; 3],
    cb: [i32; 3],
    cr: [i32; 3],
}

impl Weights {
    fn new(red: f64, blue: f64) -> Self {
        let green = 1.0 - red - blue;
        let fixed = |values: [f64; 3], range: f64| values.map(|value| (value * range / 255.0 * 65536.0).round() as i32);
        let (b, r) = (2.0 * (1.0 - blue), 2.0 * (1.0 - red));
        Self {
            luma: fixed([red, green, blue], 219.0),
            cb: fixed([-red / b, -green / b, 0.5], 224.0),
            cr: fixed([0.5, -green / r, -blue / r], 224.0),
        }
    }

    #[inline]
    fn luma(&self, rgb: Rgb) -> u8 {
        (16 + (weigh(self.luma, rgb) >> 16)).clamp(16, 235) as u8
    }

    #[inline]
    fn chroma(&self, rgb: Rgb) -> (u8, u8) {
        let value = |weights| (128 + (weigh(weights, rgb) >> 16)).clamp(16, 240) as u8;
        (value(self.cb), value(self.cr))
    }
}

#[inline]
fn weigh(weights: [i32; 3], [red, green, blue]: Rgb) -> i32 {
    weights[0] * i32::from(red) + weights[1] * i32::from(green) + weights[2] * i32::from(blue) + (1 << 15)
}

fn clip(start: i32, length: i32, limit: usize) -> (usize, usize) {
    let limit = limit as i32;
    let first = start.clamp(0, limit);
    (first as usize, start.saturating_add(length).clamp(first, limit) as usize)
}

fn covered(inside: f32, alpha: u8) -> u8 {
    (inside.clamp(0.0, 1.0) * f32::from(alpha)) as u8
}

fn blend(pixel: &mut Rgb, colour: Rgb, alpha: u8) {
    match alpha {
        0 => {}
        255 => *pixel = colour,
        _ => {
            for (old, new) in pixel.iter_mut().zip(colour) {
                let mixed = u32::from(*old) * u32::from(255 - alpha) + u32::from(new) * u32::from(alpha);
                *old = ((mixed + 127) / 255) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_the_standards() {
        let mut canvas = Canvas::new(64, 64);
        let mut planes = Planes::new(64, 64);
        let mut see = |rgb| {
            canvas.fill(canvas.all(), rgb, 255);
            planes.take(canvas.all(), &canvas);
            planes.planes.each_ref().map(|plane| plane[0])
        };
        assert_eq!(see([0, 0, 0]), [16, 128, 128]);
        assert_eq!(see([255, 255, 255]), [235, 128, 128]);
        assert_eq!(see([255, 0, 0]), [81, 90, 240]); // BT.601
        let hd = Weights::new(0.2126, 0.0722);
        assert_eq!((hd.luma([0, 0, 255]), hd.chroma([0, 0, 255])), (32, (240, 118)));
    }

    #[test]
    fn drawing_outside_of_the_picture_is_harmless() {
        let mut canvas = Canvas::new(64, 64);
        let mut planes = Planes::new(64, 64);
        for at in [-1000, -5, 60, 1000] {
            let area = canvas.disc(at as f32, at as f32, 9.0, [255; 3], 255);
            canvas.panel(Area { x: at, y: at, width: 20, height: 20 }, 4.0, [9; 3], 100);
            canvas.restore(area, &Canvas::new(64, 64));
            planes.take(area, &canvas);
        }
        planes.take(Area { x: i32::MAX - 1, y: 0, width: 10, height: 10 }, &canvas);
    }
}
