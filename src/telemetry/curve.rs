//! A line over time in a bounded number of points: when they become too many, every other one goes, and new ones come half as
//! often.

/// Points at most.
pub(super) const POINTS: usize = 240;

#[derive(Debug)]
pub(super) struct Curve {
    /// Seconds since the start, and the largest value since the point before.
    points: Vec<(u32, u64)>,
    /// Of so many values, the largest is a point.
    every: u32,
    values: u32,
    largest: u64,
}

impl Default for Curve {
    fn default() -> Self {
        Self { points: Vec::new(), every: 1, values: 0, largest: 0 }
    }
}

impl Curve {
    pub fn add(&mut self, seconds: f64, value: u64) {
        self.largest = self.largest.max(value);
        self.values += 1;
        if self.values < self.every {
            return;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a run of less than a hundred years
        let second = seconds as u32;
        match self.points.last_mut() {
            Some(last) if last.0 == second => last.1 = last.1.max(self.largest),
            _ => self.points.push((second, self.largest)),
        }
        (self.values, self.largest) = (0, 0);
        if self.points.len() >= POINTS {
            // The peaks stay: of two neighbours, the larger value at the later time.
            self.points = self.points.chunks(2).map(|two| (two[two.len() - 1].0, largest_of(two))).collect();
            self.every = self.every.saturating_mul(2);
        }
    }

    pub fn points(&self) -> &[(u32, u64)] {
        &self.points
    }
}

fn largest_of(points: &[(u32, u64)]) -> u64 {
    points.iter().map(|(_, value)| *value).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_its_peak_in_few_points() {
        let mut curve = Curve::default();
        for second in 0..100_000_u32 {
            curve.add(second.into(), if second == 1_234 { 999 } else { u64::from(second % 7) });
            assert!(curve.points().len() < POINTS);
        }
        assert!(curve.points().len() >= POINTS / 2 - 1);
        assert_eq!(curve.points().iter().map(|(_, value)| *value).max(), Some(999));
        assert!(curve.points().is_sorted_by(|one, next| one.0 < next.0));
    }
}
