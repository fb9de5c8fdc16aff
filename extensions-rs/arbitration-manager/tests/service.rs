//! The service on a real broker: claims in, grants out, questions answered.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // a failure is the message

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use symphony_arbitration_manager::options::Limits;
use symphony_arbitration_manager::{Options, Service};
use symphony_protocol::{
    ArbitrationShow, Claim, Claimant, Contend, Grant, Nothing, Order, ShareGrant, Usage, decode, subjects,
};
use symphony_sdk::testing::Broker;
use symphony_sdk::{Bus, Error, ErrorKind, Shutdown};
use tokio::task::JoinHandle;

/// A broker, the service on it, and a client.
struct Mesh {
    broker: Broker,
    bus: Bus,
    stop: symphony_sdk::component::Stop,
    service: JoinHandle<Result<(), Error>>,
}

async fn mesh(options: Options) -> Mesh {
    let broker = Broker::start(1).await.unwrap();
    let (stop, shutdown) = Shutdown::new();
    let service =
        tokio::spawn(Service::new(options).run(broker.connect("arbitration").await.unwrap(), shutdown));
    let bus = broker.connect("c1").await.unwrap();
    let mesh = Mesh {
        broker,
        bus,
        stop,
        service,
    };
    mesh.answers().await;
    mesh
}

impl Mesh {
    /// It is up once it answers.
    async fn answers(&self) -> ArbitrationShow {
        let patience = async {
            loop {
                let show = subjects::pit("arbitration", "show", &[]);
                if let Ok(answer) = self.bus.request(show, &Nothing::default()).await {
                    return answer;
                }
            }
        };
        within(patience).await
    }

    async fn claim(&self, claim: &Claim) {
        self.bus
            .publish(subjects::pit("arbitration", "claim", &[]), claim)
            .await
            .unwrap();
    }

    /// The grants that a conductor hears.
    async fn grants(&self, conductor: &str) -> BoxStream<'static, ShareGrant> {
        let messages = self.bus.subscribe(subjects::grant(conductor)).await.unwrap();
        self.bus.flush().await.unwrap();
        let grants = messages.map(|message| match decode(&message.payload).unwrap() {
            Grant::ShareGrant(grant) => grant,
            Grant::PoolGrant(_) => panic!("a grant of another service"),
        });
        grants.boxed()
    }
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work)
        .await
        .expect("nothing came in 20 s")
}

fn claim(conductor: &str, number: u64, running: u64) -> Claim {
    let usage = Usage {
        tenant: "acme".to_owned(),
        workflow: "nightly".to_owned(),
        capability: "http.request".to_owned(),
        running,
        waiting: 9,
        ..Default::default()
    };
    Claim {
        conductor: conductor.to_owned(),
        usage: vec![usage],
        number,
        ..Default::default()
    }
}

fn four_at_once() -> Options {
    let limits = Limits {
        concurrency: Some(4),
        ..Default::default()
    };
    Options {
        capabilities: BTreeMap::from([("http.request".to_owned(), limits)]),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_limits_an_unlimited_grant_is_repeated_every_second() {
    let mesh = mesh(Options::default()).await;
    let mut grants = mesh.grants("c1").await;
    mesh.claim(&claim("c1", 1, 0)).await;
    let first = within(grants.next()).await.unwrap();
    assert!(first.allowances.is_empty() && first.shares.is_empty());
    assert_eq!(
        (first.conductor.as_str(), first.counted, first.starvation_ms),
        ("c1", 1, 30_000)
    );
    let from = Instant::now();
    let mut last = first.sequence;
    for _ in 0..3 {
        let repeated = within(grants.next()).await.unwrap(); // nobody claimed again
        assert!(repeated.sequence > last);
        last = repeated.sequence;
    }
    assert!(from.elapsed() > Duration::from_millis(1_900) && from.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_divided_between_two_conductors_and_shown() {
    let mesh = mesh(four_at_once()).await;
    let (mut first, mut second) = (mesh.grants("c1").await, mesh.grants("c2").await);
    mesh.claim(&claim("c1", 1, 3)).await;
    let of_first = within(first.next()).await.unwrap();
    assert_eq!(of_first.allowances[0].key, "capability:http.request");
    assert_eq!(of_first.allowances[0].concurrency, Some(4));
    mesh.claim(&claim("c2", 1, 0)).await;
    assert_eq!(
        within(second.next()).await.unwrap().allowances[0].concurrency,
        Some(0)
    );
    // The first one hears that it has to share, says so, and the second one gets what is free.
    let mut number = 1;
    while within(second.next()).await.unwrap().allowances[0].concurrency == Some(0) {
        let heard = within(first.next()).await.unwrap().sequence;
        number += 1;
        let mut said = claim("c1", number, 2);
        said.heard = heard;
        mesh.claim(&said).await;
        mesh.claim(&claim("c2", number, 0)).await;
    }
    let show = mesh.answers().await;
    assert_eq!(show.allowances[0].concurrency, Some(4));
    assert_eq!(show.allowances[0].reason, "2 of 4 run");
    assert_eq!(show.usage.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contention_is_answered_with_an_order_and_its_reasons() {
    let mesh = mesh(Options::default()).await;
    let claimant = |tenant: &str| Claimant {
        tenant: tenant.to_owned(),
        workflow: "w".to_owned(),
        waiting: 5,
        ..Default::default()
    };
    let ask = Contend {
        conductor: "c1".to_owned(),
        capability: "f".to_owned(),
        slots: 4,
        now_ms: 1_800_000_000_000,
        claimants: vec![claimant("a"), claimant("b")],
        ..Default::default()
    };
    let subject = subjects::pit("arbitration", "order", &[]);
    let order: Order = within(mesh.bus.request(subject.clone(), &ask)).await.unwrap();
    assert_eq!(
        order.order.iter().map(|placed| placed.slots).collect::<Vec<_>>(),
        [2, 2]
    );
    assert!(order.order[0].rationale.contains("a/w gets 2 of 5 asked for"));
    assert_eq!(mesh.answers().await.decisions, vec![order]);

    let refused: Result<Order, Error> = within(mesh.bus.request(subject, &Nothing::default())).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_passed_over_and_a_broker_that_comes_back_is_served_again() {
    let mut mesh = mesh(four_at_once()).await;
    let mut grants = mesh.grants("c1").await;
    let subject = subjects::pit("arbitration", "claim", &[]);
    mesh.bus
        .publish_bytes(subject, vec![0xc1, 0xff].into())
        .await
        .unwrap();
    mesh.claim(&claim("c1", 1, 0)).await;
    let before = within(grants.next()).await.unwrap().sequence;
    mesh.broker.kill();
    mesh.broker.resume().await.unwrap();
    let after = async {
        loop {
            mesh.claim(&claim("c1", 2, 0)).await;
            let next = tokio::time::timeout(Duration::from_millis(200), grants.next()).await;
            if let Ok(Some(grant)) = next {
                return grant;
            }
        }
    };
    assert!(within(after).await.sequence > before);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_when_told_and_refuses_a_policy_that_cannot_be_meant() {
    let mesh = mesh(Options::default()).await;
    mesh.stop.now();
    within(mesh.service).await.unwrap().unwrap();
    let (_stop, shutdown) = Shutdown::new();
    let wrong = Options {
        half_life_ms: 0,
        ..Default::default()
    };
    let ended = within(Service::new(wrong).run(mesh.bus, shutdown)).await;
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Config);
}
