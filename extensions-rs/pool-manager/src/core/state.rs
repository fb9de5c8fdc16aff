//! The life of a worker: Idle → Loading → Warm → Active → Cooldown → Idle.

/// Where a worker is in its life. Changes go through `next`, so that no other order can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// A place in a pool without a process.
    #[default]
    Idle,
    /// A process that has not offered anything yet.
    Loading,
    /// It could work, and has nothing to do.
    Warm,
    /// It works.
    Active,
    /// It finishes what it has, and takes nothing new.
    Cooldown,
}

/// What happens to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Started,
    Activated,
    Busy,
    Free,
    Draining,
    Gone,
}

impl State {
    /// The state after a change; None where the change cannot happen in this state.
    pub fn next(self, change: Change) -> Option<Self> {
        use Change::{Activated, Busy, Draining, Free, Gone, Started};
        use State::{Active, Cooldown, Idle, Loading, Warm};
        Some(match (self, change) {
            (Idle, Started) => Loading,
            (Loading, Activated) => Warm,
            (Warm, Busy) => Active,
            (Active, Free) => Warm,
            (Warm | Active | Loading, Draining) => Cooldown,
            (_, Gone) => Idle,
            _ => return None,
        })
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Loading => "loading",
            Self::Warm => "warm",
            Self::Active => "active",
            Self::Cooldown => "cooldown",
        }
    }
}

impl State {
    pub const ALL: [Self; 5] = [
        Self::Idle,
        Self::Loading,
        Self::Warm,
        Self::Active,
        Self::Cooldown,
    ];

    fn place(self) -> usize {
        match self {
            Self::Idle => 0,
            Self::Loading => 1,
            Self::Warm => 2,
            Self::Active => 3,
            Self::Cooldown => 4,
        }
    }
}

/// A life so far: where it is, and how long it has been in each state.
#[derive(Clone, Debug, Default)]
pub struct Life {
    state: State,
    since_ms: u64,
    spent_ms: [u64; 5],
}

impl Life {
    pub fn state(&self) -> State {
        self.state
    }

    /// What cannot happen in this state changes nothing.
    pub fn change(&mut self, change: Change, now_ms: u64) {
        let Some(next) = self.state.next(change) else {
            return;
        };
        let passed = now_ms.saturating_sub(self.since_ms);
        if let Some(spent) = self.spent_ms.get_mut(self.state.place()) {
            // A place that nobody has filled yet did not wait.
            *spent += if self.since_ms == 0 { 0 } else { passed };
        }
        (self.state, self.since_ms) = (next, now_ms.max(1));
    }

    /// Milliseconds in a state up to now.
    pub fn spent_ms(&self, state: State, now_ms: u64) -> u64 {
        let before = self.spent_ms.get(state.place()).copied().unwrap_or_default();
        let now = if state == self.state && self.since_ms > 0 {
            now_ms.saturating_sub(self.since_ms)
        } else {
            0
        };
        before + now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_in_each_state_adds_up() {
        let mut life = Life::default();
        for (change, at) in [
            (Change::Started, 1_000),
            (Change::Activated, 1_030),
            (Change::Busy, 1_100),
            (Change::Busy, 1_150), // nothing new
            (Change::Free, 1_300),
            (Change::Draining, 1_400),
        ] {
            life.change(change, at);
        }
        let spent: Vec<u64> = State::ALL
            .iter()
            .map(|state| life.spent_ms(*state, 1_500))
            .collect();
        assert_eq!(spent, [0, 30, 70 + 100, 200, 100]);
        assert_eq!(life.state(), State::Cooldown);
    }

    #[test]
    fn the_life_goes_round_and_nothing_else_is_a_life() {
        use Change::{Activated, Busy, Draining, Free, Gone, Started};
        let mut state = State::Idle;
        for change in [Started, Activated, Busy, Free, Busy, Draining, Gone] {
            state = state.next(change).unwrap();
        }
        assert_eq!(state, State::Idle);
        assert_eq!(State::Idle.next(Busy), None);
        assert_eq!(State::Cooldown.next(Busy), None);
        assert_eq!(State::Loading.next(Free), None);
    }
}
