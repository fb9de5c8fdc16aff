//! Locks, semaphores and rates at the desk: what conductors ask, what the ledger says, what they are told.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // a failure is the message

use std::collections::BTreeMap;

use proptest::prelude::*;
use symphony_arbitration_manager::core::{Desk, Now};
use symphony_protocol::{
    AskHolds, Granted, HoldAsk, HoldKey, HoldRate, HoldRef, HoldWant, LedgerBatch, Wants,
};

const NOW: Now = Now {
    ms: 10_000,
    wall_ms: 1_000_000,
};

fn hold(number: u32) -> HoldRef {
    HoldRef {
        run: format!("{number:032x}"),
        task: "t".to_owned(),
        generation: 0,
        r#try: 1,
    }
}

fn key(name: &str, permits: u32, of: u32) -> HoldKey {
    HoldKey {
        key: name.to_owned(),
        permits,
        of,
    }
}

/// A try of run `number`, which waits since then.
fn want(number: u32, keys: Vec<HoldKey>) -> HoldWant {
    HoldWant {
        tenant: "acme".to_owned(),
        hold: hold(number),
        wants: Wants {
            keys,
            ..Default::default()
        },
        since_ms: NOW.wall_ms - 1000 + u64::from(number),
        ..Default::default()
    }
}

fn asks(wants: Vec<HoldWant>) -> HoldAsk {
    HoldAsk {
        conductor: "c".to_owned(),
        epoch: 1,
        wants,
        ..Default::default()
    }
}

fn releases(numbers: &[u32]) -> HoldAsk {
    HoldAsk {
        released: numbers.iter().map(|number| hold(*number)).collect(),
        ..asks(Vec::new())
    }
}

/// A desk, and the ledger that it writes.
#[derive(Default)]
struct Office {
    desk: Desk,
    written: Vec<LedgerBatch>,
}

impl Office {
    fn new() -> Self {
        Self {
            desk: Desk::new("a", 30_000),
            ..Self::default()
        }
    }

    /// Ask, write what is decided, and hear what stands.
    fn ask(&mut self, ask: HoldAsk, now: Now) -> Vec<Granted> {
        self.desk.ask(ask, now);
        self.settle(now)
    }

    fn settle(&mut self, now: Now) -> Vec<Granted> {
        while let Some(batch) = self.desk.decide(now) {
            self.written.push(batch.clone());
            let sequence = self.desk.sequence() + 1;
            self.desk.fold(sequence, batch);
        }
        self.desk
            .said()
            .into_iter()
            .flat_map(|grant| grant.held)
            .collect()
    }
}

/// Who was granted something, by the number of the run.
fn runs(granted: &[Granted]) -> Vec<u32> {
    let runs = granted
        .iter()
        .map(|held| u32::from_str_radix(&held.hold.run, 16).unwrap());
    runs.collect()
}

#[test]
fn rule_11_a_lock_is_held_by_one_and_goes_to_who_waited_longest_with_a_greater_token() {
    let mut office = Office::new();
    let lock = || vec![key("db", 1, 1)];
    let first = office.ask(asks(vec![want(1, lock())]), NOW);
    assert_eq!(runs(&first), [1]);
    assert!(
        office
            .ask(asks(vec![want(3, lock()), want(2, lock())]), NOW)
            .is_empty()
    );
    let second = office.ask(releases(&[1]), NOW);
    assert_eq!(runs(&second), [2], "2 waits longer than 3");
    assert!(second[0].token > first[0].token);
}

#[test]
fn a_request_said_again_is_the_same_request() {
    let mut office = Office::new();
    let first = office.ask(asks(vec![want(1, vec![key("db", 1, 1)])]), NOW);
    let again = office.ask(asks(vec![want(1, vec![key("db", 1, 1)])]), NOW);
    assert_eq!(first, again);
    assert_eq!(office.written.len(), 1);
    office.ask(releases(&[1]), NOW);
    office.ask(releases(&[1]), NOW);
    assert_eq!(
        office.written.len(),
        2,
        "a release of what is not held writes nothing"
    );
}

#[test]
fn a_semaphore_gives_its_permits_and_the_least_of_counts() {
    let mut office = Office::new();
    let some = |number| want(number, vec![key("db", 2, 4)]);
    assert_eq!(
        runs(&office.ask(asks(vec![some(1), some(2), some(3)]), NOW)),
        [1, 2]
    );
    assert_eq!(runs(&office.ask(releases(&[1]), NOW)), [3]);
    assert!(
        office
            .ask(asks(vec![want(4, vec![key("db", 1, 1)])]), NOW)
            .is_empty()
    );
    assert_eq!(
        runs(&office.ask(releases(&[2, 3]), NOW)),
        [4],
        "a lock of the same key waits for all of it"
    );
    assert!(
        office.ask(asks(vec![some(5)]), NOW).is_empty(),
        "and lets nobody in"
    );
}

#[test]
fn who_wants_much_is_not_overtaken_for_ever_by_who_wants_little() {
    let mut office = Office::new();
    office.ask(asks(vec![want(1, vec![key("db", 1, 4)])]), NOW);
    office.ask(asks(vec![want(2, vec![key("db", 4, 4)])]), NOW);
    assert!(
        office
            .ask(asks(vec![want(3, vec![key("db", 1, 4)])]), NOW)
            .is_empty(),
        "3 came after 2"
    );
    assert_eq!(runs(&office.ask(releases(&[1]), NOW)), [2]);
}

#[test]
fn of_two_keys_all_or_none_are_granted() {
    let mut office = Office::new();
    let both = |number| want(number, vec![key("a", 1, 1), key("b", 1, 1)]);
    office.ask(asks(vec![want(1, vec![key("b", 1, 1)])]), NOW);
    assert!(office.ask(asks(vec![both(2)]), NOW).is_empty());
    assert_eq!(
        runs(&office.ask(asks(vec![want(3, vec![key("a", 1, 1)])]), NOW)),
        [3],
        "a is free meanwhile"
    );
    assert!(office.ask(releases(&[1]), NOW).is_empty());
    assert_eq!(runs(&office.ask(releases(&[3]), NOW)), [2]);
}

#[test]
fn priority_goes_first_and_whoever_waited_too_long_before_it() {
    let mut office = Office::new();
    let lock = |number, priority, since_ms| HoldWant {
        priority,
        since_ms,
        ..want(number, vec![key("db", 1, 1)])
    };
    office.ask(asks(vec![lock(1, 5, NOW.wall_ms)]), NOW);
    let (late, young) = (NOW.wall_ms - 31_000, NOW.wall_ms - 10);
    office.ask(
        asks(vec![lock(2, 5, young), lock(3, 9, young), lock(4, 0, late)]),
        NOW,
    );
    assert_eq!(runs(&office.ask(releases(&[1]), NOW)), [4], "the starving one");
    assert_eq!(runs(&office.ask(releases(&[4]), NOW)), [3]);
    assert_eq!(runs(&office.ask(releases(&[3]), NOW)), [2]);
}

#[test]
fn keys_are_each_tenants_own() {
    let mut office = Office::new();
    let other = HoldWant {
        tenant: "other".to_owned(),
        ..want(2, vec![key("db", 1, 1)])
    };
    assert_eq!(
        runs(&office.ask(asks(vec![want(1, vec![key("db", 1, 1)]), other]), NOW)),
        [1, 2]
    );
}

#[test]
fn a_run_that_holds_a_key_does_not_keep_its_own_tasks_out() {
    let mut office = Office::new();
    let mut scope = want(1, vec![key("db", 1, 1)]);
    scope.wants.scope = true;
    scope.hold.task = ":lock".to_owned();
    office.ask(asks(vec![scope]), NOW);
    assert!(
        office
            .ask(asks(vec![want(2, vec![key("db", 1, 1)])]), NOW)
            .is_empty()
    );
    assert_eq!(
        runs(&office.ask(asks(vec![want(1, vec![key("db", 1, 1)])]), NOW)),
        [1]
    );
}

#[test]
fn a_task_of_a_run_that_holds_its_key_waits_behind_nobody_who_waits_for_the_run() {
    let mut office = Office::new();
    let scope = |number| {
        let mut made = want(number, vec![key("db", 1, 1)]);
        made.wants.scope = true;
        made.hold.task = ":lock".to_owned();
        made
    };
    assert_eq!(runs(&office.ask(asks(vec![scope(9)]), NOW)), [9]);
    assert!(
        office
            .ask(asks(vec![scope(1), want(2, vec![key("db", 1, 1)])]), NOW)
            .is_empty()
    );
    let mut both = want(9, vec![key("db", 1, 1), key("pool", 1, 1)]);
    both.hold.task = "u".to_owned();
    let inside = office.ask(asks(vec![want(9, vec![key("db", 1, 1)])]), NOW);
    assert_eq!(runs(&inside), [9], "its own task, though it came last");
    office.ask(releases(&[9]), NOW);
    assert_eq!(
        runs(&office.ask(asks(vec![both]), NOW)),
        [9],
        "with another key as well"
    );
}

#[test]
fn an_attempt_that_was_lost_gives_the_next_a_greater_token_under_the_same_hold() {
    let mut office = Office::new();
    let first = office.ask(asks(vec![want(1, vec![key("db", 1, 1)])]), NOW);
    office.ask(asks(vec![want(2, vec![key("db", 1, 1)])]), NOW);
    let again = HoldWant {
        renewal: 1,
        ..want(1, vec![key("db", 1, 1)])
    };
    let renewed = office.ask(asks(vec![again]), NOW);
    assert_eq!(runs(&renewed), [1], "nobody comes between");
    assert!(renewed[0].token > first[0].token);
}

#[test]
fn who_wants_another_token_waits_behind_nobody_who_waits_for_its_hold() {
    let mut office = Office::new();
    let first = office.ask(asks(vec![want(7, vec![key("db", 1, 1)])]), NOW);
    let urgent = HoldWant {
        priority: 9,
        ..want(1, vec![key("db", 1, 1)])
    };
    assert!(office.ask(asks(vec![urgent]), NOW).is_empty());
    let again = HoldWant {
        renewal: 1,
        ..want(7, vec![key("db", 1, 1)])
    };
    let late = Now {
        wall_ms: NOW.wall_ms + 60_000,
        ..NOW
    };
    let renewed = office.ask(asks(vec![again]), late);
    assert_eq!(runs(&renewed), [7]);
    assert!(renewed[0].token > first[0].token);
}

#[test]
fn the_next_owner_of_a_partition_gets_a_greater_token_since_the_one_before_may_have_sent_an_attempt() {
    let mut office = Office::new();
    let wanted = || vec![want(1, vec![key("db", 1, 1)])];
    let first = office.ask(asks(wanted()), NOW);
    office.ask(asks(vec![want(2, vec![key("db", 1, 1)])]), NOW);
    let next = |wants| HoldAsk {
        epoch: 2,
        level: true,
        ..asks(wants)
    };
    office.desk.ask(next(wanted()), NOW);
    let before = office.desk.said();
    assert!(
        before.iter().all(|grant| grant.held.is_empty()),
        "the old token is told to nobody"
    );
    let renewed = office.settle(NOW);
    assert_eq!(runs(&renewed), [1], "nobody comes between");
    assert!(renewed[0].token > first[0].token);
    let again = office.ask(next(wanted()), NOW);
    assert!(
        again.iter().all(|held| held.token == renewed[0].token),
        "asking again is the same request"
    );
    assert_eq!(office.desk.decide(NOW), None);
}

#[test]
fn a_run_keeps_the_token_of_its_own_lock_under_any_owner() {
    let mut office = Office::new();
    let scope = || {
        let mut made = want(1, vec![key("db", 1, 1)]);
        made.wants.scope = true;
        vec![made]
    };
    let first = office.ask(asks(scope()), NOW);
    let next = HoldAsk {
        epoch: 2,
        ..asks(scope())
    };
    assert_eq!(
        office.ask(next, NOW)[0].token,
        first[0].token,
        "its tasks were told it already"
    );
}

#[test]
fn a_rate_lets_its_burst_go_at_once_and_the_others_one_by_one() {
    let mut office = Office::new();
    let rated = |number| {
        let mut made = want(number, Vec::new());
        made.wants.rate = Some(HoldRate {
            key: "api".to_owned(),
            per_second: 2.0,
            burst: 2,
        });
        made
    };
    assert_eq!(runs(&office.ask(asks((1..=4).map(rated).collect()), NOW)), [1, 2]);
    assert_eq!(office.desk.next_ms(NOW), Some(500));
    let later = |ms| Now {
        ms: NOW.ms + ms,
        ..NOW
    };
    assert!(office.settle(later(499)).is_empty());
    assert_eq!(runs(&office.settle(later(500))), [3]);
    assert!(
        office.written.is_empty(),
        "rates are soft: the ledger knows nothing of them"
    );
}

#[test]
fn an_owner_of_before_is_not_heard() {
    let mut office = Office::new();
    let newer = HoldAsk {
        epoch: 2,
        ..asks(vec![want(1, vec![key("db", 1, 1)])])
    };
    office.ask(newer, NOW);
    assert!(office.ask(releases(&[1]), NOW).is_empty());
    assert!(
        office
            .ask(asks(vec![want(2, vec![key("db", 1, 1)])]), NOW)
            .is_empty()
    );
    assert_eq!(office.written.len(), 1);
}

#[test]
fn a_level_that_counts_others_is_answered_with_all_that_the_partition_holds() {
    let mut office = Office::new();
    office.ask(asks(vec![want(1, vec![key("db", 1, 1)])]), NOW);
    let level = |held| HoldAsk {
        level: true,
        held,
        ..asks(Vec::new())
    };
    assert!(office.ask(level(1), NOW).is_empty());
    assert_eq!(
        runs(&office.ask(level(0), NOW)),
        [1],
        "its owner knows nothing of it, and lets it go"
    );
}

#[test]
fn two_arbiters_cannot_both_grant_since_one_of_them_has_to_decide_anew() {
    let (mut one, mut other) = (Office::new(), Office::new());
    one.desk.ask(asks(vec![want(1, vec![key("db", 1, 1)])]), NOW);
    other.desk.ask(asks(vec![want(2, vec![key("db", 1, 1)])]), NOW);
    let (first, refused) = (one.desk.decide(NOW).unwrap(), other.desk.decide(NOW).unwrap());
    assert_ne!(first, refused, "both would grant the lock");
    // The broker takes the first write at sequence 1, and refuses the second, which expected the same.
    one.desk.fold(1, first.clone());
    other.desk.fold(1, first);
    other.desk.reconsider();
    assert_eq!(other.desk.decide(NOW), None);
    assert!(other.desk.said().is_empty());
}

#[test]
fn an_arbiter_that_begins_anew_knows_from_the_ledger_who_holds_what() {
    let mut office = Office::new();
    let before = office.ask(asks(vec![want(1, vec![key("db", 1, 1)])]), NOW);
    let mut next = Office::new();
    next.desk.reset(7, office.desk.state());
    assert!(
        next.ask(asks(vec![want(2, vec![key("db", 1, 1)])]), NOW)
            .is_empty()
    );
    assert_eq!(
        next.ask(asks(vec![want(1, vec![key("db", 1, 1)])]), NOW),
        before,
        "with its token of before"
    );
}

#[test]
fn who_is_told_of_no_more_waits_no_more() {
    let mut office = Office::new();
    office.ask(
        asks(vec![
            want(1, vec![key("db", 1, 1)]),
            want(2, vec![key("db", 1, 1)]),
        ]),
        NOW,
    );
    let later = Now {
        ms: NOW.ms + 4_000,
        ..NOW
    };
    office.desk.sweep(later);
    office.ask(releases(&[1]), later);
    assert!(office.settle(later).is_empty());
    assert!(office.desk.show("acme", &AskHolds::default()).waiting.is_empty());
}

#[test]
fn it_is_shown_who_holds_a_key_and_who_waits_for_whom() {
    let mut office = Office::new();
    let wants = (1..=3).map(|number| want(number, vec![key("db", 1, 1)]));
    office.ask(asks(wants.collect()), NOW);
    let shown = office.desk.show("acme", &AskHolds::default());
    assert_eq!(
        (shown.held[0].hold.clone(), shown.held[0].key.key.as_str()),
        (hold(1), "db")
    );
    let waits: Vec<_> = shown
        .waiting
        .iter()
        .map(|wait| (wait.ahead, wait.holder.clone()))
        .collect();
    assert_eq!(waits, [(0, Some(hold(1))), (1, Some(hold(1)))]);
    assert!(office.desk.show("other", &AskHolds::default()).held.is_empty());
    let of_one = AskHolds {
        run: Some(hold(3).run),
        ..Default::default()
    };
    assert_eq!(office.desk.show("acme", &of_one).waiting.len(), 1);
}

/// What happens at the desk, by chance.
#[derive(Clone, Debug)]
enum Turn {
    Want(u32, Vec<(u8, u32, u32)>),
    Release(u32),
    /// The arbiter dies: what it decided last may stand, and its successor reads the ledger.
    Die(bool),
}

fn turn() -> impl Strategy<Value = Turn> {
    let keys = proptest::collection::vec((0..3_u8, 1..3_u32, 2..4_u32), 1..3);
    prop_oneof![
        4 => (1..12_u32, keys).prop_map(|(number, keys)| Turn::Want(number, keys)),
        3 => (1..12_u32).prop_map(Turn::Release),
        1 => any::<bool>().prop_map(Turn::Die),
    ]
}

proptest! {
    /// Whatever is asked, and whoever dies: the ledger never says that more is held than there is.
    #[test]
    fn rule_11_no_more_is_held_than_there_is(turns in proptest::collection::vec(turn(), 1..60)) {
        let mut ledger: Vec<LedgerBatch> = Vec::new();
        let mut office = Office::new();
        for turn in turns {
            match turn {
                Turn::Want(number, mut keys) => {
                    keys.dedup_by_key(|key| key.0);
                    let keys = keys.into_iter().map(|(name, permits, of)| key(&name.to_string(), permits, of));
                    office.desk.ask(asks(vec![want(number, keys.collect())]), NOW);
                }
                Turn::Release(number) => office.desk.ask(releases(&[number]), NOW),
                Turn::Die(stands) => {
                    if let Some(batch) = office.desk.decide(NOW).filter(|_| stands) {
                        ledger.push(batch);
                    }
                    office = Office::new();
                    for (batch, sequence) in ledger.iter().zip(1..) {
                        office.desk.fold(sequence, batch.clone());
                    }
                }
            }
            while let Some(batch) = office.desk.decide(NOW) {
                ledger.push(batch.clone());
                office.desk.fold(u64::try_from(ledger.len()).unwrap(), batch);
            }
            let mut used: BTreeMap<String, (u32, u32)> = BTreeMap::new();
            for hold in office.desk.state().holds {
                for key in hold.keys {
                    let entry = used.entry(key.key).or_insert((0, u32::MAX));
                    *entry = (entry.0 + key.permits, entry.1.min(key.of));
                }
            }
            prop_assert!(used.values().all(|(used, of)| used <= of), "{used:?}");
        }
    }
}
