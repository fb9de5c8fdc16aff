//! The fold against a reference interpreter that is small enough to be obviously right: whatever the order in which results
//! come, and whatever else comes between them, runs end as the documents say.
//!
//! `REFERENCE_CASES` and `REFERENCE_SEED` choose other cases than those of the ordinary tests; a case that fails names its
//! own seed and size. `make reference` runs 100,000.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stderr,
    reason = "a failure is the message"
)]

mod chance;
mod generate;
mod graphs;
mod meaning;
mod program;
mod schedule;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use generate::program;
use schedule::Schedule;

const CASES: u64 = 2_500;
const SIZE_MAX: usize = 24;
const WORDS: [&str; 14] = [
    "call",
    "value",
    "switch",
    "repeat",
    "signal",
    "event",
    "duration",
    "workflow",
    "map",
    "succeeded",
    "failed",
    "cancelled",
    "undone",
    "retried",
];

/// How often each end and each word came up.
type Tally = BTreeMap<&'static str, u64>;

/// What a case came to, or what is wrong with it.
fn judge(seed: u64, size: usize, tally: &mut Tally) -> Result<(), String> {
    let program = program(seed, size);
    let meaning = program.meaning();
    let mut play = Schedule::new(&program, seed ^ 0x5EED);
    if !play.play() {
        return Err(format!("it does not end; open: {:?}", play.ring.paths()));
    }
    let ended = play.ring.ended[&play.run].clone();
    let statuses = play.ring.statuses(&play.run);
    let kind = ended.error.as_ref().map(|error| error.kind.clone());
    let told = format!("it ended as {} ({:?})", ended.status, ended.error);
    match (ended.status.as_str(), &meaning.fails) {
        ("cancelled", _) if play.cancelled => {}
        ("failed", Some(kinds)) if kind.as_deref().is_some_and(|kind| kinds.contains(kind)) => {}
        ("succeeded", None) => {
            let outputs = symphony_protocol::Value::unpack(&ended.outputs).unwrap();
            let outputs = serde_json::to_value(outputs).unwrap();
            if outputs != meaning.outputs {
                return Err(format!("its outputs are\n{outputs}\nnot\n{}", meaning.outputs));
            }
            if statuses != meaning.statuses {
                return Err(format!(
                    "its tasks are\n{statuses:?}\nnot\n{:?}",
                    meaning.statuses
                ));
            }
        }
        _ => return Err(format!("{told}, which is none of {:?}", meaning.fails)),
    }
    if !play.ring.open.is_empty() {
        return Err(format!("{told}, and leaves open: {:?}", play.ring.paths()));
    }
    if !play.undone_rightly(program.compensates, ended.status == "succeeded") {
        return Err(format!("{told}: {}", play.undoing()));
    }
    *tally.entry(ended_as(&ended.status)).or_default() += 1;
    *tally.entry("undone").or_default() += play.undone() as u64;
    *tally.entry("retried").or_default() += ended.tasks.retried;
    for node in &program.block.nodes {
        if meaning
            .statuses
            .get(&node.name)
            .is_some_and(|status| status == "succeeded")
        {
            *tally.entry(node.word()).or_default() += 1;
            *tally.entry("map").or_default() += u64::from(node.each.is_some());
        }
    }
    play.afterwards();
    if play.ring.statuses(&play.run) != statuses {
        return Err(format!("{told}, and what came later changed it"));
    }
    Ok(())
}

fn ended_as(status: &str) -> &'static str {
    ["succeeded", "failed", "cancelled"]
        .into_iter()
        .find(|&known| known == status)
        .expect("a run ends so")
}

fn check(seed: u64, size: usize, tally: &mut Tally) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| judge(seed, size, tally))).unwrap_or_else(|panicked| {
        let text = panicked.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panicked.downcast_ref::<&str>().map(|&text| text.to_owned()));
        Err(text.unwrap_or_else(|| "it panicked".to_owned()))
    })
}

/// The smallest case like one that failed, told in full.
fn told(seed: u64, size: usize, why: String) -> String {
    let small = (1..size).find_map(|size| Some((size, check(seed, size, &mut Tally::new()).err()?)));
    let (size, why) = small.unwrap_or((size, why));
    let document = program(seed, size).document();
    let document = serde_json::to_string_pretty(&document).unwrap();
    format!("seed {seed}, size {size}: {why}\n{document}")
}

fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn documents_mean_what_the_reference_says() {
    let cases = given("REFERENCE_CASES").unwrap_or(CASES);
    let first = given("REFERENCE_SEED").unwrap_or(1);
    let mut found = Vec::new();
    let mut tally = Tally::new();
    for seed in first..first + cases {
        let size = usize::try_from(seed).unwrap() % SIZE_MAX + 1;
        if let Err(why) = check(seed, size, &mut tally) {
            found.push(told(seed, size, why));
        }
        if found.len() >= 3 {
            break;
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n\n"));
    eprintln!("{cases} cases from seed {first}, none wrong: {tally:?}");
    // A reference that meets only what is easy says nothing.
    for word in WORDS {
        let count = tally.get(word).copied().unwrap_or_default();
        assert!(
            count * 200 >= cases,
            "{word} came up {count} times in {cases} cases"
        );
    }
}
