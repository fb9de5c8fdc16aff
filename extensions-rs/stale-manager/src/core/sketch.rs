//! How many archived runs are like one: a RACE sketch, 128 KiB however many there are.
//!
//! Source: B. Coleman and A. Shrivastava, Sub-linear RACE sketches for approximate kernel density estimation on streaming
//! data, WWW 2020. Each row counts where runs fall by a locality-sensitive hash; the mean of a run's counts estimates the
//! sum, over all runs, of the probability of falling together: with four MinHashes a row, similarity to the fourth power.

use super::shape::{ROWS, Shape, WIDTH};

#[derive(Clone)]
pub struct Sketch {
    counts: Vec<u32>,
    runs: u64,
}

impl Default for Sketch {
    fn default() -> Self {
        Self {
            counts: vec![0; ROWS * WIDTH],
            runs: 0,
        }
    }
}

fn places(shape: &Shape) -> impl Iterator<Item = usize> {
    let rows = shape.0.into_iter().enumerate();
    rows.map(|(row, at)| row * WIDTH + usize::from(at))
}

impl Sketch {
    pub fn add(&mut self, shape: &Shape) {
        self.runs += 1;
        for place in places(shape) {
            if let Some(count) = self.counts.get_mut(place) {
                *count = count.saturating_add(1);
            }
        }
    }

    /// About how many of those that were added are like this one. What falls together by chance in a row of this width is
    /// taken off.
    pub fn alike(&self, shape: &Shape) -> f64 {
        let sum: u64 = places(shape)
            .map(|place| u64::from(self.counts.get(place).copied().unwrap_or_default()))
            .sum();
        let (mean, width) = (sum as f64 / ROWS as f64, WIDTH as f64);
        ((mean - self.runs as f64 / width) / (1.0 - 1.0 / width)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn features(run: u64, common: usize, own: usize) -> Vec<String> {
        let shared = (0..common).map(|n| format!("shared {n}"));
        shared.chain((0..own).map(|n| format!("{run} {n}"))).collect()
    }

    fn shape(features: &[String]) -> Shape {
        Shape::of(features.iter().map(String::as_str))
    }

    #[test]
    fn a_crowd_is_counted_and_one_that_stands_alone_is_alone() {
        let mut sketch = Sketch::default();
        let crowd = shape(&features(0, 10, 0));
        for _ in 0..500 {
            sketch.add(&crowd);
        }
        for run in 1..500 {
            sketch.add(&shape(&features(run, 0, 12)));
        }
        let loner = shape(&features(7, 0, 12));
        assert!(
            (sketch.alike(&crowd) - 500.0).abs() < 5.0,
            "{}",
            sketch.alike(&crowd)
        );
        assert!(sketch.alike(&loner) < 3.0, "{}", sketch.alike(&loner));
    }

    #[test]
    fn similarity_counts_by_its_fourth_power_on_the_mean() {
        // Nine of eleven features in common: similarity 9/11, to the fourth power 0.448.
        let trials = 400;
        let mut sum = 0.0;
        for trial in 0..trials {
            let mut sketch = Sketch::default();
            let base = |own: &str| -> Vec<String> {
                (0..9)
                    .map(|n| format!("{trial} {n}"))
                    .chain([format!("{trial} {own}")])
                    .collect()
            };
            sketch.add(&shape(&base("one")));
            sum += sketch.alike(&shape(&base("two")));
        }
        let mean = sum / f64::from(trials);
        assert!((mean - 0.448).abs() < 0.06, "{mean}");
    }

    proptest! {
        #[test]
        fn the_order_of_features_changes_nothing_and_bytes_keep_a_shape(mut words in prop::collection::vec("[a-z]{1,8}", 0..20)) {
            let before = shape(&words);
            words.reverse();
            prop_assert_eq!(before, shape(&words));
            prop_assert_eq!(before, Shape::from_bytes(&before.to_bytes()));
        }

        #[test]
        fn whoever_was_added_is_alike_to_at_least_himself_but_for_chance(words in prop::collection::vec("[a-z]{1,8}", 1..20)) {
            let mut sketch = Sketch::default();
            sketch.add(&shape(&words));
            prop_assert!((sketch.alike(&shape(&words)) - 1.0).abs() < 0.01);
        }
    }
}
