//! What budgets have spent, on the broker before it is told: a crash forfeits what was in hands, and never gives it twice.

use symphony_protocol::{Spending, Spent, encode, subjects};
use symphony_sdk::bus::publish_error;
use symphony_sdk::{Bus, Error, policies};

use crate::core::Arbiter;

/// What was written last.
pub struct Kept {
    bus: Bus,
    last: Vec<Spent>,
}

impl Kept {
    /// Take up what an earlier service had spent.
    pub async fn load(bus: &Bus, arbiter: &mut Arbiter) -> Result<Self, Error> {
        let found = policies::last::<Spending>(bus, "spent").await?;
        let last = found.map(|(_, kept)| kept.spent).unwrap_or_default();
        arbiter.restore(&last);
        Ok(Self {
            bus: bus.clone(),
            last,
        })
    }

    /// Write what is spent by now, where it has changed. Where it cannot be written, nothing that it counts may be told.
    pub async fn keep(&mut self, arbiter: &Arbiter) -> Result<(), Error> {
        let spent = arbiter.spent();
        if spent == self.last {
            return Ok(());
        }
        let message = Spending {
            spent,
            ..Default::default()
        };
        let sent = self
            .bus
            .publish_log(subjects::policy("spent"), encode(&message)?.into(), None)
            .await?;
        sent.await.map_err(publish_error)?;
        self.last = message.spent;
        Ok(())
    }
}
