//! What a worker says of itself, four times a second and whenever it is asked.

use symphony_protocol::{Heartbeat, HeartbeatState, subjects};

use super::runtime::State;

impl State {
    /// A heartbeat: with the manifest and the attempts that are held where somebody asked for them.
    pub async fn heartbeat(&mut self, manifest: bool, attempts: bool, state: Option<HeartbeatState>) {
        let holding = attempts.then(|| self.ledger.holding());
        let lists = self.ledger.beat();
        let serving = match self.draining {
            true => HeartbeatState::Draining,
            false => HeartbeatState::Serving,
        };
        let options = &self.spec.options;
        let message = Heartbeat {
            v: 1,
            worker: options.name.clone(),
            beat: self.beat,
            state: state.unwrap_or(serving),
            version: crate::VERSION.to_owned(),
            pid: u64::from(std::process::id()),
            pool: options.pool.clone(),
            labels: options.labels.clone(),
            resources: options.resources.clone(),
            slots: options.slots,
            busy: u32::try_from(self.held.len())
                .unwrap_or(u32::MAX)
                .min(options.slots),
            ready_us: self.ready_us,
            seen: lists.seen,
            held: lists.held,
            stored: lists.stored,
            refused: lists.refused,
            truncated: lists.truncated,
            // The first beats carry the manifest: whoever starts a moment later has it without asking.
            manifest: (manifest || self.beat < 4).then(|| self.spec.manifest()),
            holding,
            ..Default::default()
        };
        self.beat += 1;
        let subject = subjects::heartbeat(&message.worker);
        if let Err(error) = self.bus.publish(subject, &message).await {
            tracing::debug!(%error, "no heartbeat");
        }
    }
}
