//! Levels and enlarges a picture in one step, by cubic convolution (Keys 1981, with a = -0.75).

use super::Grey;

/// Fractions of a pixel that are told apart.
const STEPS: usize = 64;
/// Sum of the weights of four pixels.
const ONE: i32 = 1 << 10;

fn weights() -> [[i32; 4]; STEPS + 1] {
    const A: f32 = -0.75;
    let near = |t: f32| ((A + 2.0) * t - (A + 3.0)) * t * t + 1.0;
    let far = |t: f32| ((A * t - 5.0 * A) * t + 8.0 * A) * t - 4.0 * A;
    let mut table = [[0; 4]; STEPS + 1];
    for (step, weights) in table.iter_mut().enumerate() {
        let t = step as f32 / STEPS as f32;
        *weights = [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)].map(|w| (w * ONE as f32).round() as i32);
        weights[1] += ONE - weights.iter().sum::<i32>();
    }
    table
}

/// To `width` x `height`, turned by `degrees` about its middle so that lines that fall to the right by as much are level.
/// What was not on the picture takes the colour of its edge.
pub(super) fn resample(grey: &Grey, width: usize, height: usize, degrees: f32) -> Grey {
    let table = weights();
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (scale_x, scale_y) = (grey.width as f32 / width as f32, grey.height as f32 / height as f32);
    let (middle_x, middle_y) = (width as f32 / 2.0, height as f32 / 2.0);
    let mut pixels = Vec::with_capacity(width * height);
    let fixed = |value: f32| (value * 65536.0) as i64;
    // A step to the right, in source pixels.
    let (step_x, step_y) = (fixed(cos * scale_x), fixed(sin * scale_y));
    for y in 0..height {
        let (dx, dy) = (0.5 - middle_x, y as f32 + 0.5 - middle_y);
        let mut at_x = fixed((dx * cos - dy * sin + middle_x) * scale_x - 0.5);
        let mut at_y = fixed((dx * sin + dy * cos + middle_y) * scale_y - 0.5);
        for _ in 0..width {
            pixels.push(pixel(grey, &table, at_x, at_y));
            at_x += step_x;
            at_y += step_y;
        }
    }
    Grey { width, height, pixels }
}

/// The picture at a place in 65536ths of a pixel.
#[inline]
fn pixel(grey: &Grey, table: &[[i32; 4]; STEPS + 1], at_x: i64, at_y: i64) -> u8 {
    let (x, y) = (at_x >> 16, at_y >> 16);
    let step = |at: i64| ((at & 0xFFFF) as usize * STEPS + 0x8000) >> 16;
    let (across, down) = (&table[step(at_x)], &table[step(at_y)]);
    let (width, height) = (grey.width as i64, grey.height as i64);
    let mut sum = 0_i64;
    if x >= 1 && y >= 1 && x + 2 < width && y + 2 < height {
        let mut start = (y - 1) as usize * grey.width + (x - 1) as usize;
        let mut inner = 0_i32;
        for weight in down {
            let four = &grey.pixels[start..start + 4];
            let line: i32 = four.iter().zip(across).map(|(pixel, weight)| i32::from(*pixel) * weight).sum();
            inner += (line >> 4) * weight;
            start += grey.width;
        }
        sum = i64::from(inner);
    } else {
        for (row, weight) in (y - 1..).zip(down) {
            let row = grey.row(row.clamp(0, height - 1) as usize);
            let line: i32 =
                (x - 1..).zip(across).map(|(x, w)| i32::from(row[x.clamp(0, width - 1) as usize]) * w).sum();
            sum += i64::from((line >> 4) * weight);
        }
    }
    ((sum + (1 << 15)) >> 16).clamp(0, 255) as u8
}
