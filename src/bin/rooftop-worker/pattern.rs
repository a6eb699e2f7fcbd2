//! The backgrounds: what stands still in them, and what moves.

use rooftop::media::worker::job::Pattern;

use crate::canvas::{Area, Canvas, Rgb};

/// Paints the whole background.
pub fn draw(pattern: Pattern, canvas: &mut Canvas, width: f32, height: f32) {
    match pattern {
        Pattern::Bars => bars(canvas, width, height),
        Pattern::Gradient => evening(canvas, width, height),
        Pattern::Grid => grid(canvas, width, height),
        Pattern::Slate => slate(canvas, width, height),
    }
}

/// Draws what moves, `through` of the way round, and gives the areas that it touches.
pub fn animate(pattern: Pattern, canvas: &mut Canvas, width: f32, height: f32, through: f32) -> Vec<Area> {
    match pattern {
        Pattern::Bars => vec![ramp(canvas, width, height, through)],
        Pattern::Gradient => vec![moon(canvas, width, height, through)],
        Pattern::Grid => orbit(canvas, width, height, through),
        Pattern::Slate => Vec::new(),
    }
}

/// The eight bars of 75 % (EBU Tech 3325 calls them 100/0/75/0), and a dark foot.
fn bars(canvas: &mut Canvas, width: f32, height: f32) {
    const BARS: [Rgb; 8] =
        [[235, 235, 235], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191], [16, 16, 16]];
    let foot = (height * 0.75) as i32;
    let all = canvas.all();
    canvas.each(all, |x, y, pixel| {
        let bar = (x as f32 / width * BARS.len() as f32) as usize;
        *pixel = if y >= foot { [22, 27, 34] } else { BARS.get(bar).copied().unwrap_or_default() };
    });
}

/// Below the bars: a spectrum that travels once to the left, in a strip.
fn ramp(canvas: &mut Canvas, width: f32, height: f32, through: f32) -> Area {
    let area = Area { x: 0, y: (height * 0.75) as i32, width: width as i32, height: (height * 0.035) as i32 };
    let row: Vec<Rgb> = (0..area.width).map(|x| from_hue((x as f32 / width * 2.0 + through * 8.0).fract())).collect();
    canvas.rows(area, &row);
    area
}

/// A sky after sunset over roofs with lit windows.
fn evening(canvas: &mut Canvas, width: f32, height: f32) {
    const SKY: [(f32, Rgb); 5] =
        [(0.0, [9, 14, 44]), (0.35, [52, 36, 104]), (0.58, [158, 62, 110]), (0.72, [240, 128, 76]), (0.80, [255, 196, 112])];
    let all = canvas.all();
    canvas.each(all, |_, y, pixel| *pixel = along(&SKY, y as f32 / height));
    let mut random = Random(0x5EED);
    for _ in 0..70 {
        let (x, y, size) = (random.next() * width, random.next() * height * 0.42, 0.6 + random.next() * 1.1);
        canvas.disc(x, y, size * height / 720.0, [255, 250, 235], 150);
    }
    let mut x = -0.02;
    while x < 1.0 {
        let (wide, top) = (0.07 + random.next() * 0.07, 0.76 + random.next() * 0.10);
        house(canvas, (width, height), x, wide, top, &mut random);
        x += wide * 0.93;
    }
}

fn house(canvas: &mut Canvas, (width, height): (f32, f32), x: f32, wide: f32, top: f32, random: &mut Random) {
    const WALL: Rgb = [18, 16, 34];
    let (left, right, eaves) = (x * width, (x + wide) * width, top * height);
    let (middle, rise) = ((left + right) / 2.0, (right - left) * 0.34);
    let area = Area { x: left as i32, y: (eaves - rise) as i32, width: (right - left) as i32 + 1, height: height as i32 };
    canvas.each(area, |px, py, pixel| {
        let roof = eaves - rise * (1.0 - (px as f32 - middle).abs() / (right - left) * 2.0);
        if py as f32 >= roof {
            *pixel = WALL;
        }
    });
    // An aerial on some roofs.
    if random.next() > 0.45 {
        let unit = height / 720.0;
        let mast = middle + (right - left) * 0.12;
        let foot = eaves - rise * 0.7;
        let mut bar = |x: f32, y: f32, w: f32, h: f32| {
            let area = Area { x: x as i32, y: y as i32, width: (w as i32).max(1), height: (h as i32).max(1) };
            canvas.fill(area, WALL, 255);
        };
        bar(mast, foot - 46.0 * unit, 3.0 * unit, 60.0 * unit);
        for (index, half) in [20.0, 15.0, 10.0].into_iter().enumerate() {
            bar(mast - half * unit, foot - (44.0 - 10.0 * index as f32) * unit, 2.0 * half * unit, 2.5 * unit);
        }
    }
    let pane = height * 0.018;
    let mut y = eaves + pane * 1.4;
    while y < height * 0.99 {
        let mut x = left + pane * 1.3;
        while x + pane * 1.6 < right {
            if random.next() > 0.55 {
                let area = Area { x: x as i32, y: y as i32, width: pane as i32, height: (pane * 1.35) as i32 };
                canvas.fill(area, [255, 205, 120], 110 + (random.next() * 140.0) as u8);
            }
            x += pane * 2.1;
        }
        y += pane * 2.8;
    }
}

/// The moon, in an arc over the sky.
fn moon(canvas: &mut Canvas, width: f32, height: f32, through: f32) -> Area {
    let angle = std::f32::consts::PI * (0.06 + 0.88 * through);
    let (x, y) = (width * (0.5 - 0.46 * angle.cos()), height * (0.50 - 0.40 * angle.sin()));
    let radius = height * 0.045;
    let area = canvas.disc(x, y, radius * 1.5, [255, 244, 214], 36);
    canvas.disc(x, y, radius, [255, 244, 214], 255);
    for (dx, dy, size) in [(-0.35, -0.2, 0.22), (0.3, 0.25, 0.28), (0.2, -0.45, 0.14)] {
        canvas.disc(x + dx * radius, y + dy * radius, size * radius, [228, 212, 178], 255);
    }
    area
}

/// The grid and circles of a test card.
fn grid(canvas: &mut Canvas, width: f32, height: f32) {
    const LINE: Rgb = [120, 152, 176];
    let step = height / 9.0;
    let (cx, cy) = (width / 2.0, height / 2.0);
    let thick = (height / 480.0).max(1.0);
    let all = canvas.all();
    canvas.each(all, |x, y, pixel| {
        let (x, y) = (x as f32, y as f32);
        let shade = 1.0 - 0.45 * ((x - cx) / width).hypot((y - cy) / height);
        let on = |at: f32, centre: f32| (at - centre + step / 2.0 + thick / 2.0).rem_euclid(step) < thick;
        let ground = [24.0, 58.0, 82.0].map(|value: f32| (value * shade) as u8);
        *pixel = if on(x, cx) || on(y, cy) { LINE.map(|value| (f32::from(value) * shade) as u8) } else { ground };
    });
    canvas.ring(cx, cy, height * 0.46, thick * 2.0, [232, 240, 246], 255);
    for (x, y) in [(0.12, 0.2), (0.88, 0.2), (0.12, 0.8), (0.88, 0.8)] {
        canvas.ring(width * x, height * y, height * 0.13, thick * 1.5, [232, 240, 246], 200);
    }
    // Steps of grey at the sides.
    for index in 0u8..8 {
        let level = 16 + index * 31;
        let y = (height * (0.36 + 0.035 * f32::from(index))) as i32;
        let area = Area { x: (width * 0.04) as i32, y, width: (width * 0.05) as i32, height: (height * 0.035) as i32 + 1 };
        canvas.fill(area, [level; 3], 255);
        canvas.fill(Area { x: (width * 0.91) as i32, ..area }, from_hue(f32::from(index) / 8.0), 255);
    }
}

/// Two bodies that circle the middle against each other, twelve times a round, and small ones in the corners.
fn orbit(canvas: &mut Canvas, width: f32, height: f32, through: f32) -> Vec<Area> {
    let angle = std::f32::consts::TAU * through;
    let mut areas = Vec::new();
    let mut body = |cx: f32, cy: f32, distance: f32, angle: f32, size: f32, colour: Rgb| {
        areas.push(canvas.disc(cx + distance * angle.cos(), cy + distance * angle.sin(), size, colour, 255));
    };
    let (cx, cy) = (width / 2.0, height / 2.0);
    body(cx, cy, height * 0.455, angle * 8.0, height * 0.022, [255, 120, 90]);
    body(cx, cy, height * 0.455, -angle * 5.0, height * 0.016, [110, 225, 200]);
    for (index, (x, y)) in [(0.12, 0.2), (0.88, 0.2), (0.12, 0.8), (0.88, 0.8)].into_iter().enumerate() {
        let turns = 4.0 + index as f32;
        body(width * x, height * y, height * 0.095, angle * turns, height * 0.025, from_hue(index as f32 / 4.0));
    }
    areas
}

/// Dark, slightly brighter in the middle.
fn slate(canvas: &mut Canvas, width: f32, height: f32) {
    let all = canvas.all();
    canvas.each(all, |x, y, pixel| {
        let far = ((x as f32 / width - 0.5) * 1.2).hypot(y as f32 / height - 0.45).min(1.0);
        *pixel = along(&[(0.0, [30, 42, 62]), (0.8, [9, 12, 19])], far);
    });
}

/// The colour at a place between stops that ascend.
fn along(stops: &[(f32, Rgb)], at: f32) -> Rgb {
    let Some(upper) = stops.iter().position(|(stop, _)| *stop > at) else {
        return stops.last().map_or([0; 3], |(_, colour)| *colour);
    };
    match (upper.checked_sub(1).and_then(|lower| stops.get(lower)), stops.get(upper)) {
        (Some((from, a)), Some((to, b))) => {
            let part = (at - from) / (to - from);
            let mix = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * part) as u8;
            [mix(a[0], b[0]), mix(a[1], b[1]), mix(a[2], b[2])]
        }
        (_, stop) => stop.map_or([0; 3], |(_, colour)| *colour),
    }
}

/// A strong colour of the wheel, `hue` from 0 to 1.
fn from_hue(hue: f32) -> Rgb {
    [0.0f32, 2.0 / 3.0, 1.0 / 3.0].map(|shift| {
        let distance = ((hue + shift).fract() * 6.0 - 3.0).abs() - 1.0;
        (40.0 + 190.0 * distance.clamp(0.0, 1.0)) as u8
    })
}

/// The same dice every time.
struct Random(u32);

impl Random {
    /// From 0 to 1.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 24) as f32
    }
}
