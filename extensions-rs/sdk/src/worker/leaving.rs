//! How a worker ends: with nothing under way, or with what only the end of the process stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::attempt::Ended;
use super::runtime::State;
use super::starter::Starter;
use symphony_protocol::HeartbeatState;

/// A function that is awaited ends at its next await once it is told to stop.
const ABANDON_TIME: Duration = Duration::from_secs(1);
/// For the last words: a broker that is gone never takes them.
const FAREWELL_TIME: Duration = Duration::from_secs(2);
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// After the Pool Manager has gone: for what the loop does about it by itself, which may wait for a broker that is gone too.
const ORPHAN_TIME: Duration = Duration::from_secs(4);

/// Functions that run in threads. Nothing ends one from outside, so an attempt that was given up may still be about.
#[derive(Clone, Debug, Default)]
pub(super) struct Threads {
    count: Arc<AtomicUsize>,
}

/// One of them, until it is dropped.
pub(super) struct Entered {
    count: Arc<AtomicUsize>,
}

impl Threads {
    pub fn enter(&self) -> Entered {
        self.count.fetch_add(1, Ordering::SeqCst);
        Entered {
            count: self.count.clone(),
        }
    }

    pub fn are_busy(&self) -> bool {
        self.count.load(Ordering::SeqCst) > 0
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Resolves once whoever started this process has been gone for a while, and the loop has not ended of it.
pub(super) async fn forsaken(starter: Option<Starter>) {
    let Some(starter) = starter else {
        return std::future::pending().await;
    };
    while !starter.is_gone() {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    tokio::time::sleep(ORPHAN_TIME).await;
    tracing::warn!("the Pool Manager that started this worker is gone, and the broker does not answer");
}

impl State {
    /// End what is under way, without an answer: others do it once this worker says that it has stopped.
    async fn abandon(&mut self, ended: &mut mpsc::Receiver<Ended>) {
        for held in self.held.values() {
            held.stop.send_replace(true);
        }
        let all = async {
            while !self.held.is_empty()
                && let Some(ended) = ended.recv().await
            {
                self.held.remove(&ended.key);
            }
        };
        let _ = tokio::time::timeout(ABANDON_TIME, all).await; // those that are left linger
    }

    /// The last words. Where a function goes on, the silence says it once the process is gone: what it holds is not let go
    /// of before.
    pub(super) async fn leave(mut self, mut ended: mpsc::Receiver<Ended>) {
        self.abandon(&mut ended).await;
        let words = async {
            if self.held.is_empty() && !self.threads.are_busy() {
                self.heartbeat(false, false, Some(HeartbeatState::Stopped)).await;
            } else {
                tracing::warn!("functions go on until this process ends");
            }
            self.bus.flush().await
        };
        match tokio::time::timeout(FAREWELL_TIME, words).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "no farewell"),
            Err(_) => tracing::debug!("no farewell: the broker does not answer"),
        }
    }
}
