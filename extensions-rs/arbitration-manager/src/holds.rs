//! The loop around the desk: asks in, the ledger written, grants out. One write is under way at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::Subscriber;
use futures_util::{FutureExt, StreamExt};
use symphony_protocol::{AskHolds, HoldAsk, HoldsShow, LedgerBatch, decode, subjects};
use symphony_sdk::clock::wall_ms;
use symphony_sdk::{Bus, Error, ErrorKind, Shutdown};

use crate::core::{Desk, Now};
use crate::ledger::{self, Entry};
use crate::options::Options;

/// Conductors tell of all that waits so often; who is told of no more is forgotten.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_millis(250);

/// Cheap to clone: the desk is shared with who answers questions about it.
#[derive(Clone)]
pub struct Holds {
    bus: Bus,
    desk: Arc<Mutex<Desk>>,
    began: Instant,
    state_every: u64,
}

impl Holds {
    pub fn new(bus: &Bus, arbiter: &str, options: &Options) -> Self {
        Self {
            bus: bus.clone(),
            desk: Arc::new(Mutex::new(Desk::new(arbiter, options.starvation_ms))),
            began: Instant::now(),
            state_every: options.ledger_state_every,
        }
    }

    pub fn show(&self, tenant: &str, ask: &AskHolds) -> HoldsShow {
        self.desk().show(tenant, ask)
    }

    /// Until told to stop. A write that is under way then is found in the ledger by the next service.
    pub async fn run(self, mut shutdown: Shutdown) {
        tokio::select! {
            () = shutdown.requested() => {}
            () = self.serve() => {}
        }
    }

    async fn serve(&self) {
        let subject = subjects::pit("arbitration", "hold", &[]);
        let mut asks = loop {
            match self.bus.subscribe(subject.clone()).await {
                Ok(asks) => break asks,
                Err(error) => tracing::warn!(%error, "asks for locks are not heard yet"),
            }
            tokio::time::sleep(RETRY).await;
        };
        let mut states = States::default();
        self.catch_up(&mut states).await;
        let mut sweep = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            let until_rate = self.desk().next_ms(self.now()).map(Duration::from_millis);
            tokio::select! {
                message = asks.next() => {
                    let Some(message) = message else { return };
                    self.take(message, &mut asks);
                }
                () = tokio::time::sleep(until_rate.unwrap_or(SWEEP_INTERVAL)), if until_rate.is_some() => {}
                _ = sweep.tick() => self.desk().sweep(self.now()),
            }
            self.settle(&mut states).await;
        }
    }

    /// Everything that has arrived: one message of the ledger is made of it.
    fn take(&self, first: async_nats::Message, asks: &mut Subscriber) {
        let mut next = Some(first);
        while let Some(message) = next {
            match decode::<HoldAsk>(&message.payload) {
                Ok(ask) => self.desk().ask(ask, self.now()),
                Err(error) => tracing::warn!(%error, "an ask for locks is passed over"),
            }
            next = asks.next().now_or_never().flatten();
        }
    }

    /// Write what is to be written, and tell what stands.
    async fn settle(&self, states: &mut States) {
        loop {
            let decided = self.desk().decide(self.now());
            let Some(batch) = decided else { break };
            self.write(batch, states).await;
        }
        let said = self.desk().said();
        for grant in said {
            let subject = subjects::holds(&grant.conductor);
            if let Err(error) = self.bus.publish(subject, &grant).await {
                tracing::warn!(%error, "a grant of locks was not sent; it is asked for again");
            }
        }
        if states.last.unwrap_or(0) + self.state_every <= self.desk().sequence() {
            self.write_state(states).await;
        }
    }

    async fn write(&self, batch: LedgerBatch, states: &mut States) {
        let folded = self.desk().sequence();
        match ledger::write(&self.bus, "changed", &batch, folded).await {
            Ok(sequence) => self.desk().fold(sequence, batch),
            Err(error) => {
                // Whether it was stored is not known, or somebody else wrote: the ledger says.
                if error.kind() != ErrorKind::Fenced {
                    tracing::warn!(%error, "the ledger is not written yet");
                    tokio::time::sleep(RETRY).await;
                }
                self.catch_up(states).await;
                self.desk().reconsider();
            }
        }
    }

    async fn catch_up(&self, states: &mut States) {
        while let Err(error) = self.read(states).await {
            tracing::warn!(%error, "the ledger is not read yet");
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn read(&self, states: &mut States) -> Result<(), Error> {
        let folded = self.desk().sequence();
        ledger::read(&self.bus, folded, |sequence, entry| match entry {
            Entry::Changed(batch) => self.desk().fold(sequence, batch),
            Entry::State(state) => {
                states.note(sequence);
                self.desk().reset(sequence, state);
            }
            Entry::Unknown => self.desk().skip(sequence),
        })
        .await
    }

    /// State all of it, and purge what lies below the state before.
    async fn write_state(&self, states: &mut States) {
        let (state, folded) = {
            let desk = self.desk();
            (desk.state(), desk.sequence())
        };
        match ledger::write(&self.bus, "state", &state, folded).await {
            Ok(sequence) => {
                self.desk().skip(sequence);
                states.note(sequence);
            }
            Err(error) => {
                tracing::warn!(%error, "the ledger's state is not written yet");
                return self.catch_up(states).await;
            }
        }
        if let Some(below) = states.before
            && let Err(error) = ledger::purge(&self.bus, below).await
        {
            tracing::warn!(%error, "the ledger is not purged yet");
        }
    }

    fn now(&self) -> Now {
        Now {
            ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            wall_ms: wall_ms(),
        }
    }

    /// A panic while it was held would have been a mistake of its own; the fold is whole all the same.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where all of the ledger was stated last, and before that.
#[derive(Default)]
struct States {
    last: Option<u64>,
    before: Option<u64>,
}

impl States {
    fn note(&mut self, sequence: u64) {
        self.before = self.last.replace(sequence);
    }
}
