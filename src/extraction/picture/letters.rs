//! How large the letters of a page are, told from the bands of ink that its lines make.

use super::Grey;

/// Width of the strips in which bands are looked for, in inches: lines that lean stay apart in them.
const STRIP: f32 = 0.5;
/// Heights of bands that may be letters, in inches: less is a rule or noise, more a picture.
const BANDS: std::ops::Range<f32> = 0.015..0.2;
/// Shares of a strip's rows that are lighter than paper between lines, and than the middle of lines.
const PAPER: f32 = 0.2;
const INK: f32 = 0.9;
/// A strip whose rows differ by fewer levels than this is empty.
const LEAST_CONTRAST: f32 = 12.0;

/// The median height of the bands in inches, about that of letters without ascenders; `None` where there are none. Rules
/// between the lines of a table make it smaller.
pub(super) fn height(grey: &Grey, dpi: (f32, f32)) -> Option<f32> {
    let strip = ((dpi.0 * STRIP) as usize).max(1);
    let strips = grey.width / strip;
    // The mean darkness of each row of each strip.
    let mut profiles = vec![Vec::with_capacity(grey.height); strips];
    for y in 0..grey.height {
        for (profile, pixels) in profiles.iter_mut().zip(grey.row(y).chunks_exact(strip)) {
            let light: u32 = pixels.iter().map(|pixel| u32::from(*pixel)).sum();
            profile.push(255.0 - light as f32 / strip as f32);
        }
    }
    let mut heights: Vec<f32> = profiles.iter().flat_map(|profile| bands(profile, dpi.1)).collect();
    let middle = heights.len() / 2;
    (!heights.is_empty()).then(|| *heights.select_nth_unstable_by(middle, f32::total_cmp).1)
}

fn bands(profile: &[f32], dpi: f32) -> Vec<f32> {
    let mut sorted = profile.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let at = |share: f32| sorted.get((sorted.len() as f32 * share) as usize).copied().unwrap_or(0.0);
    let (paper, ink) = (at(PAPER), at(INK));
    if ink - paper < LEAST_CONTRAST {
        return Vec::new();
    }
    let threshold = f32::midpoint(paper, ink);
    let runs = profile.chunk_by(|one, other| (*one > threshold) == (*other > threshold));
    let dark = runs.filter(|run| run.first().is_some_and(|row| *row > threshold));
    dark.map(|run| run.len() as f32 / dpi).filter(|height| BANDS.contains(height)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of ink of that many rows, one every 40 rows.
    fn lines(rows: usize) -> Grey {
        let (width, height) = (600, 800);
        let pixels = (0..width * height).map(|at| if at / width % 40 < rows { 90 } else { 240 }).collect();
        Grey { width, height, pixels }
    }

    #[test]
    fn letters_are_as_high_as_the_bands_that_they_make() {
        for rows in [9, 15, 18] {
            let height = height(&lines(rows), (300.0, 300.0)).unwrap();
            assert!((height * 300.0 - rows as f32).abs() < 0.01, "{rows}: {height}");
        }
        assert_eq!(height(&lines(0), (300.0, 300.0)), None);
        assert_eq!(height(&Grey { width: 3, height: 0, pixels: Vec::new() }, (300.0, 300.0)), None);
    }
}
