//! The span that work under way belongs to: log lines carry it, and transfers of artifacts hang below it.
//!
//! It follows a function through its awaits and into the thread that it runs in. What a function starts besides is on its
//! own, since a thread or a task does not know who began it: start it with `spawn`, `spawn_blocking` or `carried` from here.

use symphony_protocol::trace::TraceContext;
use tokio::task::JoinHandle;

tokio::task_local! {
    static CURRENT: TraceContext;
}

pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(|at| *at).ok()
}

/// Await work that belongs to a span.
pub async fn within<F: Future>(at: Option<TraceContext>, work: F) -> F::Output {
    match at {
        Some(at) => CURRENT.scope(at, work).await,
        None => work.await,
    }
}

/// Do work on this thread that belongs to a span.
pub fn within_here<T>(at: Option<TraceContext>, work: impl FnOnce() -> T) -> T {
    match at {
        Some(at) => CURRENT.sync_scope(at, work),
        None => work(),
    }
}

/// The same work, to be done elsewhere (`std::thread::spawn(carried(work))`): it belongs to the span under way here.
pub fn carried<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let at = current();
    move || within_here(at, work)
}

/// `tokio::spawn` for work that belongs to the span under way here.
pub fn spawn<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(within(current(), work))
}

/// `tokio::task::spawn_blocking` for work that belongs to the span under way here.
pub fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    tokio::task::spawn_blocking(carried(work))
}
