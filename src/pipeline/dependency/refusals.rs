//! Refusals that are held back until it is known whose fault they are.

/// So many without one success between them are taken for a refusal of everything.
const ALL: usize = 10;

/// Items that were refused since the last success: a pure decision.
#[derive(Debug)]
pub(in crate::pipeline) struct Refusals<T> {
    held: Vec<T>,
    ever_succeeded: bool,
    everything: bool,
}

/// What a refusal means.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::pipeline) enum Refused<T> {
    /// It is held back: nothing is known yet.
    Held,
    /// Everything is refused: these are all that were, this one included.
    Everything(Vec<T>),
}

impl<T> Default for Refusals<T> {
    fn default() -> Self {
        Self { held: Vec::new(), ever_succeeded: false, everything: false }
    }
}

impl<T> Refusals<T> {
    pub fn refused(&mut self, item: T) -> Refused<T> {
        self.held.push(item);
        self.everything |= self.held.len() >= ALL;
        if self.everything { Refused::Everything(std::mem::take(&mut self.held)) } else { Refused::Held }
    }

    /// Something was handed out: what is held was refused for its own sake.
    pub fn succeeded(&mut self) -> Vec<T> {
        self.ever_succeeded = true;
        std::mem::take(&mut self.held)
    }

    /// No more will come. What is held, and whether anything was ever handed out.
    pub fn finish(&mut self) -> (Vec<T>, bool) {
        (std::mem::take(&mut self.held), self.ever_succeeded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_frees_what_was_held() {
        let mut refusals = Refusals::default();
        assert_eq!(refusals.refused(1), Refused::Held);
        assert_eq!(refusals.refused(2), Refused::Held);
        assert_eq!(refusals.succeeded(), [1, 2]);
        assert!(refusals.succeeded().is_empty());
        refusals.refused(3);
        assert_eq!(refusals.finish(), (vec![3], true));
    }

    #[test]
    fn ten_in_a_row_are_everything_and_so_is_what_follows() {
        let mut refusals = Refusals::default();
        for n in 1..10 {
            assert_eq!(refusals.refused(n), Refused::Held);
        }
        assert_eq!(refusals.refused(10), Refused::Everything((1..=10).collect()));
        assert_eq!(refusals.refused(11), Refused::Everything(vec![11]), "one that was under way");
        assert_eq!(refusals.finish(), (vec![], false));
    }

    #[test]
    fn successes_between_them_part_refusals() {
        let mut refusals = Refusals::default();
        for n in 0..50 {
            assert_eq!(refusals.refused(n), Refused::Held);
            if n % 9 == 8 {
                assert_eq!(refusals.succeeded().len(), 9);
            }
        }
    }
}
