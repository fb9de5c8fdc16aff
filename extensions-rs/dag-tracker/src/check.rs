//! `dag.check`: is this a document that can run, and are these its inputs?

use symphony_protocol::{Check, Checked, Problem, Value};
use symphony_workflow::{Functions, NoFunctions, Plan, check, fill_inputs, unpack};

/// Problems, or what a client needs to know of the workflow.
pub fn answer(ask: &Check, functions: &dyn Functions) -> Checked {
    let functions: &dyn Functions = if ask.functions_known {
        functions
    } else {
        &NoFunctions
    };
    let json = match unpack(&ask.document) {
        Ok(json) => json,
        Err(message) => {
            return refused(vec![Problem {
                message,
                ..Default::default()
            }]);
        }
    };
    match check(&json, functions) {
        Err(problems) => refused(problems),
        Ok(plan) => checked(ask, &plan),
    }
}

fn refused(problems: Vec<Problem>) -> Checked {
    Checked {
        problems,
        ..Default::default()
    }
}

fn checked(ask: &Check, plan: &Plan) -> Checked {
    let mut made = Checked {
        workflow: Some(plan.name.clone()),
        version: Some(plan.version.clone()),
        digest: Some(plan.digest.clone()),
        tasks: u64::try_from(plan.task_count()).unwrap_or_default(),
        inputs: plan.inputs.iter().cloned().collect(),
        ..Default::default()
    };
    if let Some(inputs) = &ask.inputs {
        let filled = Value::unpack(inputs).map_err(|error| Problem {
            message: error.to_string(),
            ..Default::default()
        });
        if let Err(problem) = filled.and_then(|given| fill_inputs(plan, &given)) {
            made.problems.push(problem);
        }
    }
    made
}
