//! The division of one worker's slots among conductors.
//!
//! A slot that is taken from a conductor is given to another only when the lease it was part of has run out: the one that
//! held it may not have heard yet. So the slots that anyone believes to hold never exceed those that exist.

use std::collections::BTreeMap;

/// How long a lease lasts; it is renewed every second.
pub const LEASE_MS: u64 = 3_000;

/// Slots that a conductor believes to hold until a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    slots: u32,
    until_ms: u64,
}

/// The leases of one worker.
#[derive(Clone, Debug, Default)]
pub struct Leases {
    current: BTreeMap<String, Held>,
    /// Slots taken back whose lease has not run out.
    fading: Vec<Held>,
}

impl Leases {
    /// Forget what has run out.
    fn expire(&mut self, now_ms: u64) {
        self.fading.retain(|held| held.until_ms > now_ms);
        self.current.retain(|_, held| held.until_ms > now_ms);
    }

    /// Slots that somebody may believe to hold.
    pub fn believed(&self, now_ms: u64) -> u32 {
        let live = self
            .current
            .values()
            .chain(&self.fading)
            .filter(|held| held.until_ms > now_ms);
        live.map(|held| held.slots).fold(0, u32::saturating_add)
    }

    /// Divide `slots` by the wanted shares, as far as what is still believed allows. Returns what each holds now.
    pub fn divide(
        &mut self,
        slots: u32,
        wanted: &BTreeMap<String, u32>,
        now_ms: u64,
    ) -> BTreeMap<String, u32> {
        self.expire(now_ms);
        let gone: Vec<String> = self
            .current
            .keys()
            .filter(|name| !wanted.contains_key(*name))
            .cloned()
            .collect();
        for name in gone {
            self.fading.extend(self.current.remove(&name));
        }
        for (name, want) in wanted {
            if let Some(held) = self.current.get_mut(name)
                && held.slots > *want
            {
                self.fading.push(Held {
                    slots: held.slots - want,
                    until_ms: held.until_ms,
                });
                held.slots = *want;
            }
        }
        let mut free = slots.saturating_sub(self.believed(now_ms));
        let mut given = BTreeMap::new();
        for (name, want) in wanted {
            let held = self.current.entry(name.clone()).or_insert(Held {
                slots: 0,
                until_ms: 0,
            });
            let more = want.saturating_sub(held.slots).min(free);
            free -= more;
            held.slots += more;
            held.until_ms = now_ms + LEASE_MS;
            given.insert(name.clone(), held.slots);
        }
        given
    }
}

/// Shares of `slots` for conductors in proportion to their demand; every one gets something while there is enough.
pub fn shares(slots: u32, demand: &BTreeMap<String, u64>) -> BTreeMap<String, u32> {
    let count = u64::try_from(demand.len()).unwrap_or(1).max(1);
    let weight = |want: u64| want.saturating_add(1);
    let total: u64 = demand
        .values()
        .map(|want| weight(*want))
        .fold(0, u64::saturating_add)
        .max(1);
    let mut left = slots;
    let mut made = BTreeMap::new();
    for (name, want) in demand {
        let share = u128::from(slots) * u128::from(weight(*want)) / u128::from(total);
        let floor = u32::from(u64::from(slots) >= count);
        let share = u32::try_from(share).unwrap_or(slots).max(floor).min(left);
        left -= share;
        made.insert(name.clone(), share);
    }
    // What rounding left over goes to whoever wants most, the first by name among equals.
    let most = demand
        .iter()
        .max_by_key(|(name, want)| (**want, std::cmp::Reverse((*name).clone())));
    if let Some(share) = most.and_then(|(name, _)| made.get_mut(name)) {
        *share += left;
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_conductor_gets_everything_and_two_share() {
        assert_eq!(
            shares(8, &BTreeMap::from([("a".to_owned(), 0)])),
            BTreeMap::from([("a".to_owned(), 8)])
        );
        let both = shares(8, &BTreeMap::from([("a".to_owned(), 99), ("b".to_owned(), 99)]));
        assert_eq!(both.values().sum::<u32>(), 8);
        assert!(both.values().all(|slots| *slots == 4));
    }

    #[test]
    fn a_slot_taken_back_is_given_on_only_when_its_lease_has_run_out() {
        let mut leases = Leases::default();
        leases.divide(4, &BTreeMap::from([("a".to_owned(), 4)]), 0);
        let half = BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 2)]);
        assert_eq!(leases.divide(4, &half, 100).get("b"), Some(&0));
        assert_eq!(leases.divide(4, &half, LEASE_MS + 1).get("b"), Some(&2));
    }

    proptest! {
        #[test]
        fn nobody_ever_believes_in_more_slots_than_there_are(
            steps in proptest::collection::vec((0u64..4000, proptest::collection::vec(0u32..6, 3)), 1..40),
            slots in 0u32..9,
        ) {
            let mut leases = Leases::default();
            let mut now = 0;
            for (wait, wants) in steps {
                now += wait;
                let wanted: BTreeMap<String, u64> =
                    wants.iter().enumerate().filter(|(_, w)| **w > 0).map(|(i, w)| (format!("c{i}"), u64::from(*w))).collect();
                let given = leases.divide(slots, &shares(slots, &wanted), now);
                prop_assert!(given.values().sum::<u32>() <= slots);
                prop_assert!(leases.believed(now) <= slots);
            }
        }
    }
}
