//! The housekeeping of packs: closed, compacted and moved, a little each time, while the store works.

use std::sync::Arc;
use std::time::Duration;

use symphony_sdk::Shutdown;
use symphony_sdk::clock::wall_ms;

use crate::service::State;

/// At most one pack of 64 MiB is copied in so long: 6 MiB a second.
const INTERVAL: Duration = Duration::from_secs(10);

/// Until told to stop.
pub async fn run(state: Arc<State>, mut shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        let its = state.clone();
        match tokio::task::spawn_blocking(move || its.storage.tend(wall_ms())).await {
            Ok(Ok(made)) if made.packs > 0 => {
                tracing::debug!(
                    packs = made.packs,
                    copied = made.copied,
                    freed = made.freed,
                    "packs were compacted"
                );
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "packs cannot be looked after"),
            Err(error) => tracing::warn!(%error, "looking after packs ended early"),
        }
    }
}
