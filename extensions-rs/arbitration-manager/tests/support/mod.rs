//! Three conductors that obey, as `conductor/kernel/allowances.py` does, and messages that are late or lost.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use symphony_arbitration_manager::Options;
use symphony_arbitration_manager::core::{Arbiter, GONE_MS};
use symphony_arbitration_manager::options::Limits;
use symphony_protocol::{Claim, ShareGrant, Spent, Usage};

/// A message's way, in milliseconds; both ways together stay below the slack of a lease. None: lost.
type Way = Option<u64>;

#[derive(Clone, Debug)]
pub enum Step {
    Wait(u64),
    /// A conductor starts so many, as far as it may.
    Start(usize, u64),
    End(usize, u64),
    Claim(usize, Way),
    Tick([Way; 3]),
    /// A conductor's process begins anew: what it had not claimed is not told by anybody.
    Restart(usize),
}

/// What may happen, `restarts` of conductors among it.
pub fn steps(restarts: bool) -> impl Strategy<Value = Vec<Step>> {
    let way = || prop_oneof![4 => (0u64..450).prop_map(Some), 1 => Just(None)];
    let who = 0usize..3;
    let step = prop_oneof![
        5 => (1u64..1200).prop_map(Step::Wait),
        8 => (who.clone(), 1u64..9).prop_map(|(who, count)| Step::Start(who, count)),
        4 => (who.clone(), 1u64..9).prop_map(|(who, count)| Step::End(who, count)),
        8 => (who.clone(), way()).prop_map(|(who, way)| Step::Claim(who, way)),
        5 => [way(), way(), way()].prop_map(Step::Tick),
        u32::from(restarts) => who.prop_map(Step::Restart),
    ];
    proptest::collection::vec(step, 1..150)
}

#[derive(Default)]
struct Conductor {
    running: u64,
    /// Since the last claim.
    started: u64,
    told: VecDeque<(u64, u64)>,
    /// The number of the last claim; those of a process lie above `first`.
    number: u64,
    first: u64,
    heard: u64,
    may_run: u64,
    may_start: u64,
    until_ms: u64,
    /// When its last claim arrived.
    arrived_ms: u64,
}

impl Conductor {
    fn start(&mut self, now_ms: u64) -> bool {
        if now_ms >= self.until_ms || self.may_start == 0 || self.running >= self.may_run {
            return false;
        }
        self.may_start -= 1;
        self.running += 1;
        self.started += 1;
        true
    }

    fn claim(&mut self, name: String) -> Claim {
        self.number += 1;
        self.told.push_back((self.number, self.started));
        let usage = Usage {
            tenant: "acme".to_owned(),
            workflow: "w".to_owned(),
            capability: "f".to_owned(),
            started: std::mem::take(&mut self.started),
            running: self.running,
            waiting: 20,
            run_us: 0,
            share_us: 0,
        };
        Claim {
            conductor: name,
            usage: vec![usage],
            heard: self.heard,
            number: self.number,
            ..Default::default()
        }
    }

    fn take_in(&mut self, grant: &ShareGrant, now_ms: u64) {
        if grant.sequence <= self.heard || grant.counted <= self.first || grant.counted > self.number {
            return;
        }
        self.heard = grant.sequence;
        self.told.retain(|(number, _)| *number > grant.counted);
        let uncounted = self.started + self.told.iter().map(|(_, count)| count).sum::<u64>();
        let allowed = &grant.allowances[0];
        self.may_start = allowed
            .starts
            .map_or(u64::MAX, |starts| starts.saturating_sub(uncounted));
        self.may_run = allowed.concurrency.unwrap_or(u64::MAX);
        self.until_ms = now_ms + allowed.expires_in_ms;
    }
}

enum Message {
    Claim(Claim),
    Grant(usize, ShareGrant),
}

pub struct Mesh {
    pub now_ms: u64,
    /// When each execution started.
    pub starts: Vec<u64>,
    options: Options,
    arbiter: Arbiter,
    /// What budgets had spent, written before the last grants were told.
    kept: Vec<Spent>,
    conductors: [Conductor; 3],
    /// By arrival, then by order of sending.
    under_way: BTreeMap<(u64, u64), Message>,
    /// When the last message arrives by way of each conductor's connection, there and back: none overtakes another.
    last: [[u64; 2]; 3],
    sent: u64,
    /// How long a conductor may say nothing that arrives.
    pub silence_ms: u64,
}

impl Mesh {
    pub fn new(limits: Limits) -> Self {
        let options = Options {
            capabilities: BTreeMap::from([("f".to_owned(), limits)]),
            ..Default::default()
        };
        Self {
            now_ms: 0,
            starts: Vec::new(),
            arbiter: Arbiter::new("arbitration", options.clone(), 1, 0),
            kept: Vec::new(),
            options,
            conductors: Default::default(),
            under_way: BTreeMap::new(),
            last: Default::default(),
            sent: 0,
            silence_ms: GONE_MS - 1500,
        }
    }

    pub fn running(&self) -> u64 {
        self.conductors.iter().map(|c| c.running).sum()
    }

    pub fn restart_service(&mut self) {
        let first = 1_000_000 + self.now_ms; // as the service does: by the time of its start
        self.arbiter = Arbiter::new("arbitration", self.options.clone(), first, self.now_ms);
        self.arbiter.restore(&self.kept);
    }

    /// Every conductor has heard a grant.
    pub fn introduce(&mut self) {
        (0..3).for_each(|who| self.step(Step::Claim(who, Some(0))));
        self.step(Step::Tick([Some(0); 3]));
        self.step(Step::Wait(1));
    }

    pub fn step(&mut self, step: Step) {
        match step {
            Step::Wait(time_ms) => self.wait(time_ms),
            Step::Start(who, count) => {
                for _ in 0..count {
                    if self.conductors[who].start(self.now_ms) {
                        self.starts.push(self.now_ms);
                    }
                }
            }
            Step::End(who, count) => {
                let conductor = &mut self.conductors[who];
                conductor.running = conductor.running.saturating_sub(count);
            }
            Step::Claim(who, way) => {
                let claim = self.conductors[who].claim(format!("c{who}"));
                self.send(who, way, Message::Claim(claim));
            }
            Step::Tick(ways) => {
                self.arbiter.sweep(self.now_ms);
                for (who, way) in ways.into_iter().enumerate() {
                    self.grant(who, way);
                }
            }
            Step::Restart(who) => {
                let first = self.conductors[who].number + 1000; // as the conductor does: by the time of its start
                self.conductors[who] = Conductor {
                    number: first,
                    first,
                    arrived_ms: self.now_ms,
                    ..Default::default()
                };
            }
        }
        self.deliver();
    }

    fn wait(&mut self, time_ms: u64) {
        let until_ms = self.now_ms + time_ms;
        while self.now_ms < until_ms {
            let next = self
                .under_way
                .first_key_value()
                .map_or(until_ms, |((at, _), _)| *at);
            self.now_ms = next.clamp(self.now_ms, until_ms);
            self.deliver();
            for who in 0..3 {
                // One that is silent for longer counts as dead, and its executions as another's.
                let conductor = &mut self.conductors[who];
                if conductor.number > 0 && conductor.arrived_ms + self.silence_ms < self.now_ms {
                    let claim = conductor.claim(format!("c{who}"));
                    conductor.arrived_ms = self.now_ms;
                    self.send(who, Some(0), Message::Claim(claim));
                }
            }
            self.deliver();
        }
    }

    fn grant(&mut self, who: usize, way: Way) {
        if let Some(grant) = self.arbiter.grant(&format!("c{who}"), self.now_ms) {
            self.kept = self.arbiter.spent();
            self.send(who, way, Message::Grant(who, grant));
        }
    }

    fn send(&mut self, who: usize, way: Way, message: Message) {
        let Some(way) = way else { return };
        let direction = usize::from(matches!(message, Message::Grant(..)));
        let last = &mut self.last[who][direction];
        *last = (*last).max(self.now_ms + way);
        self.sent += 1;
        self.under_way.insert((*last, self.sent), message);
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.under_way.first_entry()
            && entry.key().0 <= self.now_ms
        {
            match entry.remove() {
                Message::Claim(claim) => {
                    self.arbiter.claim(&claim, self.now_ms);
                    let who: usize = claim.conductor[1..].parse().unwrap();
                    self.conductors[who].arrived_ms = self.now_ms;
                    self.grant(who, Some(1));
                }
                Message::Grant(who, grant) => self.conductors[who].take_in(&grant, self.now_ms),
            }
        }
    }
}
