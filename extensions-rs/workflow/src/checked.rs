//! The answer to "can this run?", for `dag.check` and for `symphony-pit check`, which asks nobody.

use symphony_protocol::{Checked, Problem, Value};

use crate::check::{Functions, NoFunctions, check};
use crate::inputs::fill_inputs;

/// Check canonical JSON against the functions that are known, and inputs (msgpack) against what it declares.
pub fn checked(json: &[u8], functions: &dyn Functions, inputs: Option<&[u8]>) -> Checked {
    let plan = match check(json, functions) {
        Ok(plan) => plan,
        Err(problems) => {
            return Checked {
                problems,
                ..Default::default()
            };
        }
    };
    let unreadable = |error: symphony_protocol::WireError| Problem {
        at: "/inputs".to_owned(),
        message: format!("the inputs cannot be read: {error}"),
        remedy: "send them as one msgpack map".to_owned(),
        kind: "user".to_owned(),
        ..Default::default()
    };
    let trouble = inputs.and_then(|inputs| {
        let given = Value::unpack(inputs).map_err(unreadable);
        given.and_then(|given| fill_inputs(&plan, &given)).err()
    });
    Checked {
        workflow: Some(plan.name.clone()),
        version: Some(plan.version.clone()),
        digest: Some(plan.digest.clone()),
        tasks: u64::try_from(plan.task_count()).unwrap_or(u64::MAX),
        inputs: plan.inputs.iter().cloned().collect(),
        problems: trouble.into_iter().collect(),
        ..Default::default()
    }
}

/// The offline check: functions are not known, so any may be called.
pub fn cli_check(json: &[u8]) -> Checked {
    checked(json, &NoFunctions, None)
}
