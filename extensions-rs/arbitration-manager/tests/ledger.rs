//! The ledger on a real broker: written by one service at a time, found by the next.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // a failure is the message

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use symphony_arbitration_manager::{Options, Service};
use symphony_protocol::{HoldAsk, HoldGrant, HoldKey, HoldRef, HoldWant, Wants, decode, subjects};
use symphony_sdk::component::Stop;
use symphony_sdk::testing::Broker;
use symphony_sdk::{Bus, Error, Shutdown};
use tokio::task::JoinHandle;

const CONDUCTOR: &str = "c1";

type Serving = (Stop, JoinHandle<Result<(), Error>>);

async fn serve(broker: &Broker, name: &str) -> Serving {
    serve_with(broker, name, Options::default()).await
}

async fn serve_with(broker: &Broker, name: &str, options: Options) -> Serving {
    let (stop, shutdown) = Shutdown::new();
    let bus = broker.connect(name).await.unwrap();
    (stop, tokio::spawn(Service::new(options).run(bus, shutdown)))
}

/// A hundred runs share each key.
fn want(number: u32) -> HoldWant {
    HoldWant {
        tenant: "acme".to_owned(),
        hold: hold(number),
        wants: Wants {
            keys: vec![HoldKey {
                key: format!("db-{}", number / 100),
                ..Default::default()
            }],
            ..Default::default()
        },
        since_ms: u64::from(number),
        ..Default::default()
    }
}

fn hold(number: u32) -> HoldRef {
    HoldRef {
        run: format!("{number:032x}"),
        task: "t".to_owned(),
        ..Default::default()
    }
}

fn asking(wants: &[u32], released: &[u32]) -> HoldAsk {
    HoldAsk {
        conductor: CONDUCTOR.to_owned(),
        epoch: 1,
        wants: wants.iter().map(|number| want(*number)).collect(),
        released: released.iter().map(|number| hold(*number)).collect(),
        ..Default::default()
    }
}

/// Say it until somebody is granted something, as conductors do; who, and with which tokens.
async fn granted(bus: &Bus, ask: &HoldAsk) -> Vec<(String, u64)> {
    let mut grants = bus.subscribe(subjects::holds(CONDUCTOR)).await.unwrap();
    bus.flush().await.unwrap();
    let subject = subjects::pit("arbitration", "hold", &[]);
    let patience = async {
        loop {
            bus.publish(subject.clone(), ask).await.unwrap();
            let next = tokio::time::timeout(Duration::from_millis(300), grants.next()).await;
            if let Ok(Some(message)) = next {
                let grant: HoldGrant = decode(&message.payload).unwrap();
                return grant
                    .held
                    .into_iter()
                    .map(|held| (held.hold.run, held.token))
                    .collect();
            }
        }
    };
    let patience = tokio::time::timeout(Duration::from_secs(30), patience);
    patience.await.expect("nobody was granted anything in 30 s")
}

/// All that anybody says is held, by repeating the ask for a while: every service answers.
async fn all_said(bus: &Bus, ask: &HoldAsk) -> BTreeSet<(String, u64)> {
    let mut grants = bus.subscribe(subjects::holds(CONDUCTOR)).await.unwrap();
    bus.flush().await.unwrap();
    let mut said = BTreeSet::new();
    for _ in 0..8 {
        bus.publish(subjects::pit("arbitration", "hold", &[]), ask)
            .await
            .unwrap();
        while let Ok(Some(message)) = tokio::time::timeout(Duration::from_millis(100), grants.next()).await {
            let grant: HoldGrant = decode(&message.payload).unwrap();
            said.extend(grant.held.into_iter().map(|held| (held.hold.run, held.token)));
        }
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_11_of_two_services_one_grants_and_the_next_finds_it_in_the_ledger() {
    let broker = Broker::start(1).await.unwrap();
    let bus = broker.connect(CONDUCTOR).await.unwrap();
    let (first, second) = (serve(&broker, "one").await, serve(&broker, "other").await);
    let held = granted(&bus, &asking(&[1, 2], &[])).await;
    assert_eq!(held.len(), 1, "{held:?}");
    assert_eq!(held[0].0, hold(1).run);
    let said = all_said(&bus, &asking(&[1, 2], &[])).await;
    assert_eq!(
        said,
        BTreeSet::from([held[0].clone()]),
        "both say the same, with one token"
    );

    first.0.now();
    second.0.now();
    first.1.await.unwrap().unwrap();
    second.1.await.unwrap().unwrap();
    let _third = serve(&broker, "third").await;
    assert_eq!(
        granted(&bus, &asking(&[1, 2], &[])).await,
        held,
        "the ledger has it"
    );
    let next = granted(&bus, &asking(&[2], &[1])).await;
    assert_eq!(next[0].0, hold(2).run);
    assert!(next[0].1 > held[0].1, "its token is greater");
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_11_what_was_granted_before_a_purge_of_the_ledger_is_found_after_it() {
    let broker = Broker::start(1).await.unwrap();
    let bus = broker.connect(CONDUCTOR).await.unwrap();
    let options = || Options {
        ledger_state_every: 8,
        ..Default::default()
    };
    let stream = bus.jetstream().get_stream_no_info("SYM_LEDGER").await.unwrap();
    let first = serve_with(&broker, "one", options()).await;
    let held = granted(&bus, &asking(&[1, 2], &[])).await;
    assert_eq!(held[0].0, hold(1).run);
    // Others take a key and let it go, one after the other: each turn is a message of the ledger at least.
    let mut purged = 0;
    for number in 101..190 {
        let ask = asking(&[number], &[number - 1]);
        let next = granted(&bus, &ask).await;
        assert!(
            next.iter().any(|(run, _)| *run == hold(number).run),
            "{number}: {next:?}"
        );
        let state = stream.get_info().await.unwrap().state;
        purged = state.first_sequence;
        if number > 120 && purged > held[0].1 + 16 {
            break;
        }
    }
    assert!(
        purged > held[0].1,
        "the message that granted it is gone, and those of a state after it"
    );
    first.0.now(); // nothing is written on the way out
    first.1.await.unwrap().unwrap();
    let _second = serve_with(&broker, "two", options()).await;
    assert_eq!(
        granted(&bus, &asking(&[1, 2], &[])).await,
        held,
        "the same holder, with the same token"
    );
    let next = granted(&bus, &asking(&[2], &[1])).await;
    assert_eq!(next[0].0, hold(2).run);
    assert!(next[0].1 > purged, "tokens go on behind all that was granted");
}
