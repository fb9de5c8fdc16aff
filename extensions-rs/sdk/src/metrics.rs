//! Metrics as Prometheus text on `SYMPHONY_METRICS_PORT` of loopback, where that is set; counted in any case, which costs
//! an atomic addition.

use std::sync::LazyLock;

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a scrape may take to ask; a client that says nothing must not hold a task for ever.
const ASK_TIME: std::time::Duration = std::time::Duration::from_secs(5);

/// The counters and gauges of a Rust process. The table in `docs/metrics.md` lists them.
pub struct Metrics {
    registry: Registry,
    /// Events folded, by partition.
    pub folded: IntCounterVec,
    /// Runs that have not ended, by partition.
    pub live: IntGaugeVec,
    /// Executions held back for want of credit, by capability.
    pub backlog: IntGaugeVec,
    /// Workers by state.
    pub workers: IntGaugeVec,
    /// Milliseconds of a worker in each state of its life.
    pub worker_states: IntGaugeVec,
    /// Executions that wait for a slot, over all conductors, by capability; and milliseconds of slots for them.
    pub waiting: IntGaugeVec,
    pub waiting_work: IntGaugeVec,
    /// Processes of a pool: those that run, and those that it should have.
    pub processes: IntGaugeVec,
    pub wanted: IntGaugeVec,
    /// Milliseconds of slots that wait for a pool's workers.
    pub pool_backlog: IntGaugeVec,
    /// Attempts that a worker ended, by status.
    pub tasks: IntCounterVec,
    /// Archived runs by state, and those that retention deleted, by cause.
    pub archive: IntGaugeVec,
    pub deleted_runs: IntCounterVec,
    /// Calls answered, by operation.
    pub calls: IntCounterVec,
}

fn counter(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    match IntCounterVec::new(Opts::new(name, help), labels) {
        Ok(made) => {
            if let Err(error) = registry.register(Box::new(made.clone())) {
                tracing::error!(%error, name, "a metric is registered twice");
            }
            made
        }
        // Names and labels are constants of ours; a wrong one is found by the first test that runs.
        Err(_) => std::process::abort(),
    }
}

fn gauge(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    match IntGaugeVec::new(Opts::new(name, help), labels) {
        Ok(made) => {
            if let Err(error) = registry.register(Box::new(made.clone())) {
                tracing::error!(%error, name, "a metric is registered twice");
            }
            made
        }
        Err(_) => std::process::abort(),
    }
}

/// The metrics of this process.
pub static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    let registry = Registry::new();
    Metrics {
        folded: counter(
            &registry,
            "symphony_folded_events_total",
            "Events folded",
            &["partition"],
        ),
        live: gauge(
            &registry,
            "symphony_live_runs",
            "Runs that have not ended",
            &["partition"],
        ),
        backlog: gauge(
            &registry,
            "symphony_backlog_tasks",
            "Executions held back for want of credit",
            &["capability"],
        ),
        workers: gauge(&registry, "symphony_workers", "Workers by state", &["state"]),
        worker_states: gauge(
            &registry,
            "symphony_worker_state_ms",
            "Time of a worker in each state of its life",
            &["worker", "state"],
        ),
        waiting: gauge(
            &registry,
            "symphony_pool_waiting_tasks",
            "Executions that wait for a slot",
            &["capability"],
        ),
        waiting_work: gauge(
            &registry,
            "symphony_pool_waiting_ms",
            "Time that what waits will hold slots",
            &["capability"],
        ),
        processes: gauge(
            &registry,
            "symphony_pool_processes",
            "Processes of a pool",
            &["pool"],
        ),
        wanted: gauge(
            &registry,
            "symphony_pool_processes_wanted",
            "Processes that a pool should have",
            &["pool"],
        ),
        pool_backlog: gauge(
            &registry,
            "symphony_pool_backlog_ms",
            "Time that what waits will hold slots of a pool",
            &["pool"],
        ),
        tasks: counter(
            &registry,
            "symphony_worker_tasks_total",
            "Attempts that this worker ended",
            &["status"],
        ),
        archive: gauge(
            &registry,
            "symphony_archive_runs",
            "Runs in the archive by state",
            &["state"],
        ),
        deleted_runs: counter(
            &registry,
            "symphony_archive_deleted_total",
            "Archived runs that were deleted",
            &["cause"],
        ),
        calls: counter(
            &registry,
            "symphony_calls_total",
            "Calls answered",
            &["operation"],
        ),
        registry,
    }
});

/// The text that a scrape gets.
pub fn text() -> String {
    TextEncoder::new()
        .encode_to_string(&METRICS.registry.gather())
        .unwrap_or_default()
}

/// Answer scrapes, where `SYMPHONY_METRICS_PORT` is set. A taken port is said once, and costs nothing else.
pub async fn serve() {
    let Ok(port) = std::env::var("SYMPHONY_METRICS_PORT") else {
        return;
    };
    let Ok(port) = port.parse::<u16>() else {
        return tracing::warn!(port, "SYMPHONY_METRICS_PORT is no port");
    };
    match TcpListener::bind(("127.0.0.1", port)).await {
        Ok(listener) => {
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(answer(stream));
                }
            });
        }
        Err(error) => tracing::warn!(%error, port, "no metrics"),
    }
}

/// One request of HTTP/1.1, whatever it asks: there is nothing here but the metrics.
async fn answer(mut stream: TcpStream) {
    let mut ask = [0_u8; 4096];
    if !matches!(
        tokio::time::timeout(ASK_TIME, stream.read(&mut ask)).await,
        Ok(Ok(1..))
    ) {
        return;
    }
    let body = text();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let sent = async {
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        stream.shutdown().await
    };
    if let Err(error) = sent.await {
        tracing::debug!(%error, "a scrape went away");
    }
}
