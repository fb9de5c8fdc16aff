//! The span that work under way belongs to: log lines carry it, and transfers of artifacts hang below it.
//!
//! It follows a function through its awaits and into the thread that it runs in; what a function spawns by itself is on its
//! own, unless it is wrapped in `within`.

use symphony_protocol::trace::TraceContext;

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
