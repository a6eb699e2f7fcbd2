//! What a clip shows: a pattern, a name, some lines, and, but for slates, a running clock and things that move. Only what
//! moves is drawn anew for every picture.

use rooftop::media::worker::job::{ClipSpec, Pattern, VideoSpec};

use crate::canvas::{Area, Canvas, Planes, Rgb};
use crate::pattern;
use crate::text::Face;

const WHITE: Rgb = [245, 247, 250];
const PALE: Rgb = [176, 190, 205];
const INK: Rgb = [13, 17, 23];
const ACCENT: Rgb = [255, 176, 46];
const DIM: Rgb = [52, 60, 70];

/// The pictures of a clip, one after the other.
pub struct Pictures {
    pattern: Pattern,
    /// What never changes.
    background: Canvas,
    /// And the clock and the progress, which change now and then.
    front: Canvas,
    /// And what moves.
    canvas: Canvas,
    planes: Planes,
    /// Panels that what moves passes behind.
    panels: Vec<Area>,
    /// What moves was here in the picture before.
    moved: Vec<Area>,
    /// What the clock shows: the second, and whether the lamp is lit.
    clock: Option<(u64, bool)>,
    /// Length of the progress bar.
    progress: Option<i32>,
    bold: Face,
    /// Lines of the picture over 720: everything scales with it.
    scale: f32,
    width: f32,
    height: f32,
    frame_rate: f64,
    pictures: u32,
    /// Nothing moves.
    still: bool,
}

impl Pictures {
    /// Draws what stands still. `pictures` is how many there are in a round; `None` where the font cannot be read.
    pub fn new(spec: &ClipSpec, video: &VideoSpec, pictures: u32) -> Option<Self> {
        let (width, height) = (video.width as usize, video.height as usize);
        let mut background = Canvas::new(width, height);
        pattern::draw(spec.pattern, &mut background, width as f32, height as f32);
        let mut this = Self {
            pattern: spec.pattern,
            front: background.clone(),
            canvas: background.clone(),
            background,
            planes: Planes::new(width, height),
            panels: Vec::new(),
            moved: Vec::new(),
            clock: None,
            progress: None,
            bold: Face::bold()?,
            scale: (height as f32 / 720.0).min(width as f32 / 960.0),
            width: width as f32,
            height: height as f32,
            frame_rate: f64::from(video.frame_rate.0) / f64::from(video.frame_rate.1),
            pictures: pictures.max(1),
            still: false,
        };
        this.title(&spec.name, &spec.lines, &mut Face::regular()?);
        this.show();
        Some(this)
    }

    /// Shows nothing but this.
    pub fn still(spec: &ClipSpec, video: &VideoSpec, picture: Canvas) -> Option<Self> {
        let mut this = Self::new(spec, video, 1)?;
        (this.background, this.still) = (picture, true);
        this.show();
        Some(this)
    }

    fn show(&mut self) {
        self.front = self.background.clone();
        self.canvas = self.background.clone();
        self.planes.take(self.canvas.all(), &self.canvas);
    }

    /// The planes of picture `number` of the round.
    pub fn draw(&mut self, number: u32) -> &Planes {
        if self.still {
            return &self.planes;
        }
        let mut changed = std::mem::take(&mut self.moved);
        let seconds = f64::from(number) / self.frame_rate;
        let through = number as f32 / self.pictures as f32;
        if self.pattern != Pattern::Slate {
            changed.extend(self.clock(seconds));
            changed.extend(self.progress(through));
        }
        for area in &changed {
            self.canvas.restore(*area, &self.front);
        }
        self.moved = match self.pattern {
            Pattern::Slate => self.dots(through),
            _ => self.moving(through, seconds),
        };
        for panel in &self.panels {
            self.canvas.restore(*panel, &self.front);
        }
        for area in changed.iter().chain(&self.moved) {
            self.planes.take(*area, &self.canvas);
        }
        &self.planes
    }

    /// Name and lines in the middle.
    fn title(&mut self, name: &str, lines: &[String], regular: &mut Face) {
        let quiet = self.pattern == Pattern::Slate;
        let room = self.width * if quiet { 0.86 } else { 0.72 };
        let name = &self.bold.known(name);
        let size = self.bold.fitting(name, 92.0 * self.scale, room);
        let mut rows = vec![(self.bold.line(name, size), WHITE)];
        for line in lines.iter().map(|line| regular.known(line)).collect::<Vec<_>>() {
            let line = &line;
            let size = regular.fitting(line, 34.0 * self.scale, room);
            rows.push((regular.line(line, size), if quiet { ACCENT } else { PALE }));
        }
        let gap = (10.0 * self.scale) as i32;
        let height: i32 = rows.iter().map(|(mask, _)| mask.height as i32 + gap).sum::<i32>() - gap;
        let width = rows.iter().map(|(mask, _)| mask.width as i32).max().unwrap_or(0);
        let centre = (self.height * if quiet { 0.47 } else { 0.40 }) as i32;
        let mut y = centre - height / 2;
        if !quiet {
            let (mx, my) = ((56.0 * self.scale) as i32, (30.0 * self.scale) as i32);
            let x = (self.width as i32 - width) / 2 - mx;
            let area = Area { x, y: y - my, width: width + 2 * mx, height: height + 2 * my };
            self.background.panel(area, 26.0 * self.scale, INK, 226);
            self.panels.push(area);
        }
        for (mask, colour) in rows {
            self.background.mask((self.width as i32 - mask.width as i32) / 2, y, &mask, colour);
            y += mask.height as i32 + gap;
        }
    }

    /// Minutes and seconds, and a lamp that lights at every full second, together with a pip in the sound. Gives the area
    /// where it changed.
    fn clock(&mut self, seconds: f64) -> Option<Area> {
        let shown = (seconds as u64, seconds.fract() < 0.12);
        if self.clock.replace(shown) == Some(shown) {
            return None;
        }
        let (whole, lit) = shown;
        let mask = self.bold.line(&format!("{:02}:{:02}", whole / 60 % 60, whole % 60), 64.0 * self.scale);
        let (mx, my) = ((34.0 * self.scale) as i32, (8.0 * self.scale) as i32);
        let (lamp, lamp_room) = (13.0 * self.scale, (84.0 * self.scale) as i32);
        let width = mask.width as i32 + lamp_room + 2 * mx;
        let panel = Area {
            x: (self.width as i32 - width) / 2,
            y: (self.height * 0.63) as i32,
            width,
            height: mask.height as i32 + 2 * my,
        };
        self.front.restore(panel, &self.background);
        self.front.panel(panel, 20.0 * self.scale, INK, 226);
        self.front.mask(panel.x + mx, panel.y + my, &mask, WHITE);
        let (cx, cy) = ((panel.x + panel.width - mx) as f32 - lamp, panel.y as f32 + panel.height as f32 / 2.0);
        self.front.disc(cx, cy, lamp, if lit { ACCENT } else { DIM }, 255);
        if self.panels.len() < 2 {
            self.panels.push(panel);
        }
        Some(panel)
    }

    /// How far the round has come, along the lower edge. Gives the area where it changed.
    fn progress(&mut self, through: f32) -> Option<Area> {
        let bar = Area {
            x: (self.width * 0.06) as i32,
            y: (self.height * 0.93) as i32,
            width: (self.width * 0.88) as i32,
            height: ((10.0 * self.scale) as i32).max(2),
        };
        let length = (bar.width as f32 * through) as i32;
        let changed = match self.progress.replace(length) {
            Some(before) if before <= length => Area { x: bar.x + before, width: length - before, ..bar },
            _ => {
                self.front.restore(bar, &self.background);
                self.front.panel(bar, 5.0 * self.scale, INK, 160);
                self.front.fill(Area { width: length, ..bar }, ACCENT, 255);
                return Some(bar);
            }
        };
        self.front.fill(changed, ACCENT, 255);
        Some(changed)
    }

    /// A ball on its way to and fro, and what the pattern itself moves.
    fn moving(&mut self, through: f32, seconds: f64) -> Vec<Area> {
        let mut moved = pattern::animate(self.pattern, &mut self.canvas, self.width, self.height, through);
        let phase = (seconds / 4.0).fract() as f32;
        let swing = 0.5 - 0.5 * (phase * std::f32::consts::TAU).cos();
        let hop = (phase * 8.0).fract();
        let x = self.width * (0.08 + 0.84 * swing);
        let y = self.height * (0.895 - 0.10 * (4.0 * hop * (1.0 - hop)));
        let radius = 20.0 * self.scale;
        moved.push(self.canvas.disc(x, y, radius, WHITE, 255));
        self.canvas.disc(x, y, radius * 0.72, ACCENT, 255);
        moved
    }

    /// Three dots that light one after the other, so that a slate is seen to live.
    fn dots(&mut self, through: f32) -> Vec<Area> {
        let (radius, step) = (9.0 * self.scale, 40.0 * self.scale);
        let lit = |index: u8| (through - f32::from(index) / 6.0) * std::f32::consts::TAU;
        [(0, -step), (1, 0.0), (2, step)]
            .map(|(index, offset)| {
                let light = (70.0 + 185.0 * (0.5 + 0.5 * lit(index).sin())) as u8;
                self.canvas.disc(self.width / 2.0 + offset, self.height * 0.80, radius, ACCENT, light)
            })
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    fn every_pattern_fits_every_size_and_moves(
        #[values(Pattern::Bars, Pattern::Gradient, Pattern::Grid, Pattern::Slate)] pattern: Pattern,
        #[values((64, 64), (720, 576), (1280, 720), (130, 2000))] size: (u32, u32),
    ) {
        let lines = vec!["One moment please".to_owned(), "Ein zweiter, sehr viel längerer Satz, der nicht passt".to_owned()];
        let spec = ClipSpec { pattern, lines, ..ClipSpec::default() };
        let video = VideoSpec { width: size.0, height: size.1, ..VideoSpec::default() };
        let mut pictures = Pictures::new(&spec, &video, 50).unwrap();
        let first = pictures.draw(0).clone();
        let later = pictures.draw(20).clone();
        assert_ne!(first.planes, later.planes);
        // Equal specifications give equal pictures, whatever was drawn before.
        assert_eq!(pictures.draw(0).planes, first.planes);
    }
}
