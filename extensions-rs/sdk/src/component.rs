//! The life of a process: it starts, runs until told to stop, and stops cleanly.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::error::Error;

/// Tells every part of a process that it is time to stop. Clones hear the same.
#[derive(Clone, Debug)]
pub struct Shutdown {
    stop: watch::Receiver<bool>,
}

/// Gives the word.
#[derive(Debug)]
pub struct Stop {
    stop: watch::Sender<bool>,
}

impl Stop {
    pub fn now(&self) {
        self.stop.send_replace(true);
    }
}

impl Shutdown {
    pub fn new() -> (Stop, Self) {
        let (sender, receiver) = watch::channel(false);
        (Stop { stop: sender }, Self { stop: receiver })
    }

    pub fn is_set(&self) -> bool {
        *self.stop.borrow()
    }

    /// Resolves once it is time to stop, also when whoever gives the word is gone.
    pub async fn requested(&mut self) {
        while !*self.stop.borrow_and_update() {
            if self.stop.changed().await.is_err() {
                return;
            }
        }
    }
}

/// How long a component may take to stop: longer than a worker's drain. A broker that is gone answers no farewell.
const STOP_TIME: Duration = Duration::from_secs(12);

/// Run a component until it ends, or until SIGTERM or SIGINT asks it to; then it has a while to finish.
pub async fn run_until_signal<F, Fut>(component: F) -> Result<(), Error>
where
    F: FnOnce(Shutdown) -> Fut,
    Fut: Future<Output = Result<(), Error>>,
{
    let (stop, shutdown) = Shutdown::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let running = component(shutdown);
    tokio::pin!(running);
    tokio::select! {
        ended = &mut running => return ended,
        _ = terminate.recv() => stop.now(),
        _ = interrupt.recv() => stop.now(),
    }
    match tokio::time::timeout(STOP_TIME, running).await {
        Ok(ended) => ended,
        Err(_) => {
            tracing::warn!("stopped without finishing: the broker may be gone");
            Ok(())
        }
    }
}
