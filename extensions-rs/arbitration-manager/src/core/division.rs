//! A whole divided among conductors in proportion to what each wants.

use std::collections::BTreeMap;

/// What a conductor wants of a key, and what it has been given so far: the tie-break, so that nobody is always second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Want {
    pub count: u64,
    pub given: f64,
}

/// Shares of `total`, which sum to it exactly where anybody is there. One who wants nothing gets a little where there is
/// enough, so that its first step does not wait.
pub fn divide(total: u64, wants: &BTreeMap<String, Want>) -> BTreeMap<String, u64> {
    let weight = |want: &Want| u128::from(want.count) + 1;
    let sum: u128 = wants.values().map(weight).sum::<u128>().max(1);
    let mut shares: BTreeMap<String, u64> = BTreeMap::new();
    let mut left = total;
    for (name, want) in wants {
        let share = u128::from(total) * weight(want) / sum;
        let share = u64::try_from(share).unwrap_or(total).min(left);
        left -= share;
        shares.insert(name.clone(), share);
    }
    // Rounding leaves fewer than there are conductors: to those who got least for what they want.
    let mut order: Vec<(bool, f64, &String)> = wants
        .iter()
        .map(|(name, want)| (want.count == 0, want.given / weight(want) as f64, name))
        .collect();
    order.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(b.2)));
    for (_, _, name) in order {
        if left == 0 {
            break;
        }
        if let Some(share) = shares.get_mut(name) {
            *share += 1;
            left -= 1;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn want(count: u64, given: f64) -> Want {
        Want { count, given }
    }

    #[test]
    fn the_odd_one_goes_to_whoever_got_least() {
        let wants = BTreeMap::from([("a".to_owned(), want(9, 4.0)), ("b".to_owned(), want(9, 3.0))]);
        assert_eq!(
            divide(1, &wants),
            BTreeMap::from([("a".to_owned(), 0), ("b".to_owned(), 1)])
        );
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_whole(total in 0u64..1_000_000, wants in proptest::collection::vec((0u64..1000, 0.0f64..1e6), 1..9)) {
            let wants: BTreeMap<String, Want> =
                wants.iter().enumerate().map(|(i, (count, given))| (format!("c{i}"), want(*count, *given))).collect();
            prop_assert_eq!(divide(total, &wants).values().sum::<u64>(), total);
        }
    }
}
