//! What budgets have spent, on the broker before it is told: a crash forfeits what was in hands, and never gives it twice.

use async_nats::jetstream::stream::DirectGetErrorKind;
use symphony_protocol::{Spending, Spent, decode, encode, subjects};
use symphony_sdk::bus::publish_error;
use symphony_sdk::{Bus, Error};

use crate::core::Arbiter;

const STREAM: &str = "SYM_POLICIES";

/// What was written last.
pub struct Kept {
    bus: Bus,
    last: Vec<Spent>,
}

impl Kept {
    /// Take up what an earlier service had spent.
    pub async fn load(bus: &Bus, arbiter: &mut Arbiter) -> Result<Self, Error> {
        let stream = bus
            .jetstream()
            .get_stream_no_info(STREAM)
            .await
            .map_err(Error::unavailable)?;
        let last = match stream
            .direct_get_last_for_subject(subjects::policy("spent"))
            .await
        {
            Ok(found) => decode::<Spending>(&found.payload)?.spent,
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::unavailable(error)),
        };
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
