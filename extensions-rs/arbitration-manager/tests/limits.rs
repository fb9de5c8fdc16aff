//! What no conductors together ever exceed, whatever messages are late or lost.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a failure is the message

mod support;

use proptest::prelude::*;
use support::{Mesh, Step, steps};
use symphony_arbitration_manager::options::{Budget, Limits, Period, Rate};

const RATE: Rate = Rate {
    per_second: 5.0,
    burst: 8,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn never_more_run_than_the_limit(limit in 0u64..9, steps in steps(false)) {
        let mut mesh = Mesh::new(Limits { concurrency: Some(limit), ..Default::default() });
        for step in steps {
            mesh.step(step);
            prop_assert!(mesh.running() <= limit, "{} of {limit} at {} ms", mesh.running(), mesh.now_ms);
        }
    }

    #[test]
    fn never_more_run_than_the_limit_when_the_service_starts_anew(
        limit in 1u64..9, before in steps(false), after in steps(false),
    ) {
        let mut mesh = Mesh::new(Limits { concurrency: Some(limit), ..Default::default() });
        mesh.silence_ms = 2_500; // the new service waits four seconds for those that the old one knew
        mesh.introduce();
        before.into_iter().for_each(|step| mesh.step(step));
        mesh.restart_service();
        for step in after {
            mesh.step(step);
            prop_assert!(mesh.running() <= limit, "{} of {limit} at {} ms", mesh.running(), mesh.now_ms);
        }
    }

    #[test]
    fn never_more_starts_than_the_budget(budget in 0u64..60, steps in steps(true)) {
        let mut mesh = Mesh::new(Limits { budget_starts: Some(budget), ..Default::default() });
        for step in steps {
            mesh.step(step);
            prop_assert!(mesh.starts.len() as u64 <= budget);
        }
    }

    /// Calls of a calendar's budget are never overspent, whatever is lost, and however often the service starts anew.
    #[test]
    fn never_more_calls_than_the_budget_over_restarts(calls in 0u64..60, parts in proptest::collection::vec(steps(true), 1..4)) {
        let budget = Budget { calls: Some(calls), per: Period::Ever, ..Default::default() };
        let mut mesh = Mesh::new(Limits { budget: Some(budget), ..Default::default() });
        for steps in parts {
            for step in steps {
                mesh.step(step);
                prop_assert!(mesh.starts.len() as u64 <= calls, "{} of {calls}", mesh.starts.len());
            }
            mesh.restart_service();
        }
    }

    #[test]
    fn in_no_stretch_of_time_more_starts_than_the_burst_and_the_rate(steps in steps(true)) {
        let mut mesh = Mesh::new(Limits { rate: Some(RATE), ..Default::default() });
        steps.into_iter().for_each(|step| mesh.step(step));
        for (first, from_ms) in mesh.starts.iter().enumerate() {
            for (last, to_ms) in mesh.starts.iter().enumerate().skip(first) {
                let most = RATE.burst as f64 + RATE.per_second * (to_ms - from_ms) as f64 / 1000.0;
                prop_assert!((last - first + 1) as f64 <= most + 1e-6, "from {from_ms} to {to_ms} ms");
            }
        }
    }
}

/// A second in which every conductor claims, starts all that it may, and ends it; nothing is lost.
fn good_second(mesh: &mut Mesh) {
    (0..3).for_each(|conductor| mesh.step(Step::Claim(conductor, Some(0))));
    mesh.step(Step::Tick([Some(0); 3]));
    mesh.step(Step::Wait(5));
    for conductor in 0..3 {
        mesh.step(Step::Start(conductor, 100));
        mesh.step(Step::End(conductor, 100));
    }
    mesh.step(Step::Wait(995));
}

#[test]
fn a_limit_is_used_up_when_messages_arrive() {
    let rate = Rate { burst: 12, ..RATE };
    let mut mesh = Mesh::new(Limits {
        rate: Some(rate),
        ..Default::default()
    });
    (0..60).for_each(|_| good_second(&mut mesh));
    assert!(mesh.starts.len() >= 280, "{} starts of 300", mesh.starts.len());

    let mut mesh = Mesh::new(Limits {
        budget_starts: Some(50),
        ..Default::default()
    });
    (0..60).for_each(|_| good_second(&mut mesh));
    assert_eq!(mesh.starts.len(), 50);

    let budget = Budget {
        calls: Some(200),
        per: Period::Ever,
        ..Default::default()
    };
    let mut mesh = Mesh::new(Limits {
        budget: Some(budget),
        ..Default::default()
    });
    (0..60).for_each(|_| good_second(&mut mesh));
    assert_eq!(mesh.starts.len(), 200);

    let mut mesh = Mesh::new(Limits {
        concurrency: Some(9),
        ..Default::default()
    });
    (0..20).for_each(|_| good_second(&mut mesh));
    (0..3).for_each(|conductor| mesh.step(Step::Start(conductor, 100)));
    assert_eq!(mesh.running(), 9);
}
