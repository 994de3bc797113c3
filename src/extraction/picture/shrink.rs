//! Rows of a large image, averaged into a smaller one as they come.

use super::Grey;

/// Takes the rows of an image from the top, and keeps only the shrunk one.
pub(super) struct Shrink {
    source_width: usize,
    source_height: usize,
    grey: Grey,
    /// For each source column: the column it falls into, and how much of it, of 256; the rest falls into the next one.
    columns: Vec<(u32, u32)>,
    /// Sums of the row being filled and of the one after it.
    sums: [Vec<u32>; 2],
    taken: usize,
    written: usize,
}

impl Shrink {
    /// To at most `width` x `height`; an image that is smaller in one direction stays as it is in that one.
    pub(super) fn new(source_width: usize, source_height: usize, width: usize, height: usize) -> Self {
        let (width, height) = (width.clamp(1, source_width.max(1)), height.clamp(1, source_height.max(1)));
        let columns = if width == source_width {
            Vec::new()
        } else {
            (0..source_width).map(|x| split(x, source_width, width)).collect()
        };
        let shrinks = width != source_width || height != source_height;
        let sums = if shrinks { [vec![0; width + 1], vec![0; width + 1]] } else { [Vec::new(), Vec::new()] };
        let grey = Grey { width, height, pixels: vec![255; width * height] };
        Self { source_width, source_height, grey, columns, sums, taken: 0, written: 0 }
    }

    /// The next row; what it has too much is left out, and rows beyond the last are, too.
    pub(super) fn push(&mut self, row: &[u8]) {
        if self.taken >= self.source_height || row.len() < self.source_width {
            return;
        }
        let (row, width) = (&row[..self.source_width], self.grey.width);
        if self.sums[0].is_empty() {
            self.grey.pixels[self.taken * width..][..width].copy_from_slice(row);
            self.taken += 1;
            self.written = self.taken;
            return;
        }
        let (target, share) = split(self.taken, self.source_height, self.grey.height);
        while self.written < target as usize {
            self.write();
        }
        let mut line = vec![0_u32; width + 1];
        if self.columns.is_empty() {
            for (sum, pixel) in line.iter_mut().zip(row) {
                *sum = u32::from(*pixel) << 8;
            }
        } else {
            for (pixel, (column, part)) in row.iter().zip(&self.columns) {
                let (pixel, at) = (u32::from(*pixel), *column as usize);
                line[at] += pixel * part;
                line[at + 1] += pixel * (256 - part);
            }
        }
        let [here, next] = &mut self.sums;
        for ((here, next), sum) in here.iter_mut().zip(next).zip(&line) {
            let first = ((sum >> 4) * share) >> 8;
            *here += first;
            *next += (sum >> 4) - first;
        }
        self.taken += 1;
    }

    fn write(&mut self) {
        let (width, height) = (self.grey.width, self.grey.height);
        // Sums hold 16ths of pixels.
        let area = (self.source_width as f32 / width as f32) * (self.source_height as f32 / height as f32) * 16.0;
        let row = &mut self.grey.pixels[self.written * width..][..width];
        for (pixel, sum) in row.iter_mut().zip(&self.sums[0]) {
            *pixel = (*sum as f32 / area + 0.5).min(255.0) as u8;
        }
        self.sums.swap(0, 1);
        self.sums[1].fill(0);
        self.written += 1;
    }

    /// How many rows there are to come in all.
    pub(super) fn wanted(&self) -> usize {
        self.source_height
    }

    /// How many rows came.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// The shrunk image; rows that never came are white.
    pub(super) fn finish(mut self) -> Grey {
        if self.taken == self.source_height {
            while !self.sums[0].is_empty() && self.written < self.grey.height {
                self.write();
            }
        }
        self.grey
    }
}

/// A picture shrunk to at most `width` x `height`.
pub(super) fn shrunk_to(grey: &Grey, width: usize, height: usize) -> Grey {
    let mut shrink = Shrink::new(grey.width, grey.height, width, height);
    for y in 0..grey.height {
        shrink.push(grey.row(y));
    }
    shrink.finish()
}

/// Which of `to` cells the cell `at` of `from` falls into, and how much of it, of 256.
fn split(at: usize, from: usize, to: usize) -> (u32, u32) {
    let (start, end) = (at as u64 * to as u64, (at as u64 + 1) * to as u64);
    let from = from as u64;
    let target = start / from;
    let border = (target + 1) * from;
    let part = if end <= border { 256 } else { (border - start) * 256 / (end - start) };
    (u32::try_from(target).unwrap_or(u32::MAX), u32::try_from(part).unwrap_or(256))
}
