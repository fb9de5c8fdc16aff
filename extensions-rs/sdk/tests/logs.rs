//! What a function of a worker logs carries the trace and span of its attempt, wherever its work goes on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // a failure is the message

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use symphony_protocol::trace::{TraceContext, hex};
use symphony_protocol::{Function, Outcome, ResultBatch, Task, TaskBatch, Value, decode, subjects};
use symphony_sdk::testing::Broker;
use symphony_sdk::worker::function::Offered;
use symphony_sdk::worker::{Handler, Worker, WorkerOptions};
use symphony_sdk::{ErrorKind, Shutdown, current, logs};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// The identifiers at the end of each line, by what it says after `said: `; empty where there are none.
    fn spans(&self) -> BTreeMap<String, String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let said = text.lines().filter_map(|line| line.split_once("said: "));
        said.map(|(_, rest)| {
            let (what, ids) = rest.split_once(" trace_id=").unwrap_or((rest, ""));
            (what.to_owned(), ids.to_owned())
        })
        .collect()
    }
}

fn say(what: &str) {
    tracing::info!("said: {what}");
}

fn offered(capability: &str, handler: Handler) -> Offered {
    let manifest = Function {
        capability: capability.to_owned(),
        open_inputs: true,
        ..Default::default()
    };
    Offered { manifest, handler }
}

fn functions() -> Vec<Offered> {
    let waits = Handler::asynchronous(|_, _| async {
        say("waits");
        tokio::task::yield_now().await;
        say("waits, later");
        let inner = || async { say("waits, in a task") };
        current::spawn(inner()).await.unwrap();
        current::spawn_blocking(|| say("waits, in a pool")).await.unwrap();
        let thread = std::thread::spawn(current::carried(|| say("waits, in a thread")));
        thread.join().unwrap();
        // Who starts work by other means is on their own.
        std::thread::spawn(|| say("alone")).join().unwrap();
        Ok(Value::Nil)
    });
    let computes = Handler::blocking(|_, _| {
        say("computes");
        let thread = std::thread::spawn(current::carried(|| say("computes, in a thread")));
        thread.join().unwrap();
        Ok(Value::Nil)
    });
    let quick = Handler::quick(|_, _| {
        say("quick");
        Ok(Value::Nil)
    });
    vec![
        offered("waits", waits),
        offered("computes", computes),
        offered("quick", quick),
    ]
}

fn at(number: u8) -> TraceContext {
    TraceContext {
        trace_id: [number; 16],
        span_id: [number + 100; 8],
        flags: 1,
    }
}

fn task(number: u8, capability: &str) -> Task {
    Task {
        run: format!("{number:032x}"),
        task: capability.to_owned(),
        n: u64::from(number),
        capability: capability.to_owned(),
        inputs: Value::from([]).pack().into(),
        trace: Some(at(number).pack()),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_of_a_function_carry_its_trace_wherever_it_works() {
    let broker = match Broker::start(1).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return eprintln!("passed over: {error}"),
        started => started.unwrap(),
    };
    let lines = Lines::default();
    let sink = lines.clone();
    logs::to(move || sink.clone());
    let options = WorkerOptions {
        name: "w".to_owned(),
        slots: 4,
        pool: None,
        manifest_name: "test".to_owned(),
        labels: Default::default(),
        resources: Default::default(),
    };
    let worker = functions().into_iter().fold(Worker::new(options), Worker::offer);
    let bus = broker.connect("c").await.unwrap();
    let reply = subjects::log_event(0, "result");
    let mut results = bus.subscribe(reply.clone()).await.unwrap();
    let mut beats = bus.subscribe(subjects::heartbeat("w")).await.unwrap();
    bus.flush().await.unwrap();
    let (stop, shutdown) = Shutdown::new();
    let running = tokio::spawn(worker.run(broker.connect("w").await.unwrap(), shutdown));
    beats.next().await.unwrap(); // it listens

    for (number, capability) in (1..).zip(["waits", "computes", "quick"]) {
        let batch = TaskBatch {
            conductor: "c".to_owned(),
            reply: reply.clone(),
            tasks: vec![task(number, capability)],
            ..Default::default()
        };
        bus.publish(subjects::task(capability, "w"), &batch)
            .await
            .unwrap();
    }
    let mut left = 3;
    while left > 0 {
        let message = tokio::time::timeout(Duration::from_secs(30), results.next()).await;
        let batch: ResultBatch = decode(&message.unwrap().unwrap().payload).unwrap();
        for result in batch.results {
            assert!(matches!(result.outcome, Outcome::Succeeded(_)), "{result:?}");
            left -= 1;
        }
    }
    stop.now();
    running.await.unwrap().unwrap();

    let of = |number: u8| {
        let span = at(number);
        format!("{} span_id={}", hex(&span.trace_id), hex(&span.span_id))
    };
    let expected = [
        ("waits", of(1)),
        ("waits, later", of(1)),
        ("waits, in a task", of(1)),
        ("waits, in a pool", of(1)),
        ("waits, in a thread", of(1)),
        ("alone", String::new()),
        ("computes", of(2)),
        ("computes, in a thread", of(2)),
        ("quick", of(3)),
    ];
    let expected = expected.map(|(what, ids)| (what.to_owned(), ids));
    assert_eq!(lines.spans(), BTreeMap::from(expected));
}
