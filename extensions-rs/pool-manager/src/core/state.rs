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

#[cfg(test)]
mod tests {
    use super::*;

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
