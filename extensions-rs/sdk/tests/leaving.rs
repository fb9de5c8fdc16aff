//! What a worker says when it ends, with a function of it in a thread that nobody can end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // a failure is the message

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures_util::StreamExt;
use symphony_protocol::{
    Attempt, Function, Heartbeat, HeartbeatState, Outcome, ResultBatch, Task, TaskBatch, Value, decode,
    encode, subjects,
};
use symphony_sdk::testing::Broker;
use symphony_sdk::worker::function::Offered;
use symphony_sdk::worker::{Handler, Worker, WorkerOptions};
use symphony_sdk::{Bus, ErrorKind, Shutdown};

/// A function that takes no notice of being cancelled, until the other end lets it go.
fn stubborn(let_go: mpsc::Receiver<()>) -> Offered {
    let let_go = Mutex::new(let_go);
    let handler = Handler::blocking(move |_, _| {
        let _ = let_go.lock().unwrap().recv();
        Ok(Value::Nil)
    });
    let manifest = Function {
        capability: "stubborn".to_owned(),
        open_inputs: true,
        ..Default::default()
    };
    Offered { manifest, handler }
}

async fn send(bus: &Bus, batch: &TaskBatch) {
    let subject = subjects::task("stubborn", "w");
    bus.publish_bytes(subject, encode(batch).unwrap().into())
        .await
        .unwrap();
    bus.flush().await.unwrap();
}

/// Start it, cancel it, end the worker. `first` is done before the worker is told to end. Returns whether it said that it
/// has stopped.
async fn says_stopped(first: impl FnOnce(mpsc::Sender<()>) -> Option<mpsc::Sender<()>>) -> Option<bool> {
    let broker = match Broker::start(1).await {
        Ok(broker) => broker,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => panic!("{error}"),
    };
    let (free, let_go) = mpsc::channel();
    let options = WorkerOptions {
        name: "w".to_owned(),
        slots: 1,
        pool: None,
        manifest_name: "tests".to_owned(),
        labels: Default::default(),
        resources: Default::default(),
    };
    let other = broker.connect("other").await.unwrap();
    let mut beats = other.subscribe(subjects::heartbeat("w")).await.unwrap();
    let mut results = other.subscribe("sym.log.0.result".to_owned()).await.unwrap();
    other.flush().await.unwrap();
    let (stop, shutdown) = Shutdown::new();
    let worker = Worker::new(options).offer(stubborn(let_go));
    let running = tokio::spawn(worker.run(broker.connect("w").await.unwrap(), shutdown));
    beats.next().await.unwrap();
    let mut batch = TaskBatch {
        partition: 0,
        epoch: 1,
        conductor: "other".to_owned(),
        reply: "sym.log.0.result".to_owned(),
        tasks: vec![Task {
            run: format!("{:032x}", 1),
            task: "t".to_owned(),
            n: 1,
            capability: "stubborn".to_owned(),
            inputs: Value::from([]).pack().into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    send(&other, &batch).await;
    loop {
        let beat: Heartbeat = decode(&beats.next().await.unwrap().payload).unwrap();
        if beat.busy == 1 {
            break;
        }
    }
    batch.tasks.clear();
    batch.cancel = vec![Attempt {
        partition: 0,
        epoch: 1,
        n: 1,
    }];
    send(&other, &batch).await;
    let result: ResultBatch = decode(&results.next().await.unwrap().payload).unwrap();
    assert!(matches!(result.results[0].outcome, Outcome::Cancelled(_)));
    let free = first(free);
    stop.now();
    tokio::time::timeout(Duration::from_secs(8), running)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    other.flush().await.unwrap();
    let mut last = None;
    while let Ok(Some(message)) = tokio::time::timeout(Duration::from_millis(300), beats.next()).await {
        last = Some(decode::<Heartbeat>(&message.payload).unwrap().state);
    }
    drop(free);
    Some(last == Some(HeartbeatState::Stopped))
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_function_goes_on_in_a_thread_does_not_say_that_it_has_stopped() {
    if let Some(said) = in_time(says_stopped(Some)).await {
        assert!(!said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_functions_have_all_ended_says_so() {
    let ended = Arc::new(Mutex::new(false));
    let told = ended.clone();
    let first = move |free: mpsc::Sender<()>| {
        free.send(()).unwrap();
        std::thread::sleep(Duration::from_millis(200)); // the thread has nothing left to do but to return
        *told.lock().unwrap() = true;
        None
    };
    if let Some(said) = in_time(says_stopped(first)).await {
        assert!(said && *ended.lock().unwrap());
    }
}
