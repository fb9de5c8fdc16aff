//! What may be spent on a key in a period of the calendar: calls, seconds of slots, money.
//!
//! Spent in three steps: a start that is handed out ahead is reserved, one that began is committed as a call, and its seconds
//! are committed when it has ended. What is reserved and what runs count at what an execution takes on average; so calls are
//! never overspent, and seconds by no more than what runs takes beyond the average.

use std::collections::BTreeMap;

use symphony_protocol::Spent;
use time::OffsetDateTime;

use crate::options::{Budget as Said, Period};

/// Before anything ended.
const UNKNOWN_SECONDS: f64 = 1.0;
/// Executions that the average goes back over.
const EXECUTIONS: f64 = 100.0;
/// Handed out ahead beyond what waits: a crash of this service forfeits what is in hands, so it is not the whole budget.
const AHEAD: u64 = 32;

pub struct Budget {
    said: Said,
    /// Which period of its kind it is, counted from 1970.
    period: u64,
    calls: u64,
    seconds: f64,
    mean: f64,
    seen: f64,
    conductors: BTreeMap<String, (u64, u64)>,
}

/// The number of the period that a moment is in. Days, weeks (from Monday) and months are those of UTC.
pub fn period(per: Period, wall_ms: u64) -> u64 {
    let seconds = wall_ms / 1000;
    let days = seconds / 86_400;
    match per {
        Period::Hour => seconds / 3600,
        Period::Day => days,
        Period::Week => (days + 3) / 7, // 1970 began on a Thursday
        Period::Month => {
            let moment = OffsetDateTime::from_unix_timestamp(seconds.cast_signed());
            moment.map_or(0, |at| {
                let year = u64::try_from(at.year() - 1970).unwrap_or_default();
                year * 12 + u64::from(u8::from(at.month())) - 1
            })
        }
        Period::Ever => 0,
    }
}

impl Budget {
    pub fn new(said: Said) -> Self {
        Self {
            said,
            period: 0,
            calls: 0,
            seconds: 0.0,
            mean: UNKNOWN_SECONDS,
            seen: 0.0,
            conductors: BTreeMap::new(),
        }
    }

    /// Other bounds; what was spent in this period stays spent, unless the periods are of another kind.
    pub fn change(&mut self, said: Said) {
        if said.per != self.said.per {
            (self.period, self.calls, self.seconds) = (0, 0, 0.0);
        }
        self.said = said;
    }

    /// The time of the world: a period that is over is forgotten. A clock that was put back changes nothing.
    pub fn roll(&mut self, wall_ms: u64) {
        let now = period(self.said.per, wall_ms);
        if now > self.period {
            (self.period, self.calls, self.seconds) = (now, 0, 0.0);
        }
    }

    /// What a conductor says: starts and seconds since its last claim, and what runs and waits.
    pub fn claim(&mut self, conductor: &str, started: u64, seconds: f64, running: u64, waiting: u64) {
        let before = self.conductors.get(conductor).map_or(0, |(running, _)| *running);
        self.calls = self.calls.saturating_add(started);
        self.seconds += seconds.max(0.0);
        // Those that were there before, or began, and are not there any more.
        let ended = (before + started).saturating_sub(running) as f64;
        if ended > 0.0 && seconds > 0.0 {
            self.seen = (self.seen + ended).min(EXECUTIONS);
            self.mean += (seconds / ended - self.mean) * (ended / self.seen).min(1.0);
        }
        self.conductors.insert(conductor.to_owned(), (running, waiting));
    }

    /// The conductor is gone: who takes over tells what runs.
    pub fn forget(&mut self, conductor: &str) {
        self.conductors.remove(conductor);
    }

    /// Starts that were in hands and may have been made.
    pub fn forfeit(&mut self, count: u64) {
        self.calls = self.calls.saturating_add(count);
        self.seconds += count as f64 * self.mean;
    }

    fn running(&self) -> u64 {
        self.conductors.values().map(|(running, _)| *running).sum()
    }

    /// Seconds that the budget allows in its period: by itself, or by its money at its price.
    fn seconds_max(&self) -> Option<f64> {
        let money = self.said.money.map(|money| money / self.said.price_per_second);
        match (self.said.seconds, money) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Starts that may be handed out beside those in hands.
    pub fn left(&self, in_hands: u64) -> u64 {
        let by_calls = self.said.calls.map_or(u64::MAX, |most| {
            most.saturating_sub(self.calls).saturating_sub(in_hands)
        });
        let by_seconds = self.seconds_max().map_or(u64::MAX, |most| {
            let room = ((most - self.seconds) / self.mean.max(0.001)).max(0.0);
            (room as u64).saturating_sub(in_hands + self.running())
        });
        let waiting: u64 = self.conductors.values().map(|(_, waiting)| *waiting).sum();
        let wanted = waiting
            .saturating_mul(2)
            .saturating_add(AHEAD)
            .saturating_sub(in_hands);
        by_calls.min(by_seconds).min(wanted)
    }

    /// What has to be taken for spent if this service is never heard of again.
    pub fn spent(&self, key: &str, in_hands: u64) -> Spent {
        Spent {
            key: key.to_owned(),
            period: self.period,
            calls: self.calls.saturating_add(in_hands),
            seconds: self.seconds + in_hands as f64 * self.mean,
        }
    }

    /// What an earlier service had spent, at most.
    pub fn restore(&mut self, spent: &Spent) {
        if spent.period >= self.period {
            (self.period, self.calls, self.seconds) = (spent.period, spent.calls, spent.seconds.max(0.0));
        }
    }

    /// How it stands, for people.
    pub fn told(&self) -> String {
        let per = self.said.per.word();
        let mut parts = Vec::new();
        parts.extend(
            self.said
                .calls
                .map(|most| format!("{} of {most} calls {per}", self.calls.min(most))),
        );
        parts.extend(
            self.said
                .seconds
                .map(|most| format!("{:.1} of {most} seconds {per}", self.seconds)),
        );
        parts.extend(self.said.money.map(|most| {
            let spent = self.seconds * self.said.price_per_second;
            format!("{spent:.2} of {most} in money {per}")
        }));
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;

    fn budget(said: Said) -> Budget {
        let mut made = Budget::new(said);
        made.roll(DAY);
        made
    }

    #[test]
    fn a_period_is_one_of_the_calendar() {
        let at = |text: &str| {
            let parse = |part: &str| part.parse::<i64>().unwrap();
            let parts: Vec<i64> = text.split('-').map(parse).collect();
            let month = time::Month::try_from(parts[1] as u8).unwrap();
            let date = time::Date::from_calendar_date(parts[0] as i32, month, parts[2] as u8).unwrap();
            date.midnight().assume_utc().unix_timestamp().cast_unsigned() * 1000
        };
        let same = |per, a: &str, b: &str| period(per, at(a)) == period(per, at(b));
        assert!(
            same(Period::Month, "2024-02-01", "2024-02-29")
                && !same(Period::Month, "2024-02-29", "2024-03-01")
        );
        assert!(!same(Period::Month, "2023-12-31", "2024-01-01"));
        assert!(
            same(Period::Week, "2026-11-23", "2026-11-29") && !same(Period::Week, "2026-11-22", "2026-11-23")
        );
        assert!(!same(Period::Day, "2026-11-22", "2026-11-23"));
        assert_eq!(period(Period::Hour, 2 * 3_600_000 - 1), 1);
        assert_eq!(period(Period::Ever, u64::MAX), 0);
    }

    #[test]
    fn calls_are_counted_with_what_is_in_hands_and_come_back_with_the_next_period() {
        let mut day = budget(Said {
            calls: Some(10),
            ..Default::default()
        });
        day.claim("c", 0, 0.0, 0, 100);
        assert_eq!((day.left(0), day.left(4)), (10, 6));
        day.claim("c", 7, 0.0, 7, 93);
        assert_eq!(day.left(3), 0);
        assert_eq!(day.told(), "7 of 10 calls a day");
        day.roll(DAY - 1);
        assert_eq!(day.left(0), 3, "a clock that was put back gives nothing back");
        day.roll(2 * DAY);
        assert_eq!(day.left(0), 10);
    }

    #[test]
    fn seconds_are_reserved_at_the_average_and_committed_as_they_were() {
        let mut day = budget(Said {
            seconds: Some(60.0),
            ..Default::default()
        });
        day.claim("c", 0, 0.0, 0, 100);
        assert_eq!(day.left(0), 60, "a second each, as nothing is known");
        day.claim("c", 10, 0.0, 10, 90);
        day.claim("c", 0, 40.0, 0, 90);
        assert_eq!(day.left(0), 5, "they took four seconds each");
        day.claim("c", 3, 0.0, 3, 87);
        assert_eq!(day.left(1), 1);
    }

    #[test]
    fn money_is_seconds_at_a_price() {
        let said = Said {
            money: Some(1.5),
            price_per_second: 0.05,
            ..Default::default()
        };
        let mut day = budget(said);
        day.claim("c", 0, 0.0, 0, 100);
        assert_eq!(day.left(0), 30);
        day.claim("c", 10, 20.0, 0, 90);
        assert_eq!(day.told(), "1.00 of 1.5 in money a day");
        assert_eq!(day.left(0), 5);
    }

    #[test]
    fn what_is_restored_is_no_less_than_what_was_spent_and_an_older_period_is_nothing() {
        let said = Said {
            calls: Some(10),
            ..Default::default()
        };
        let mut before = budget(said);
        before.claim("c", 4, 0.0, 4, 9);
        let spent = before.spent("tenant:a", 3);
        let mut after = budget(said);
        after.restore(&spent);
        after.claim("c", 0, 0.0, 4, 9);
        assert_eq!(after.left(0), 3);
        let mut later = Budget::new(said);
        later.roll(2 * DAY);
        later.restore(&spent);
        later.claim("c", 0, 0.0, 4, 9);
        assert_eq!(later.left(0), 10);
    }
}
