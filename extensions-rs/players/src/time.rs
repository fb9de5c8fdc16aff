//! `time.sleep`.

use std::time::Duration;

use symphony_protocol::{TypeName, Value};
use symphony_sdk::worker::function::{Handler, Offered};
use symphony_sdk::worker::{Context, FunctionError, Outcome};

use crate::spec::{Spec, needs, number};

const SECONDS_MAX: f64 = 7.0 * 86_400.0;

pub fn function() -> Offered {
    Spec::new("time.sleep", "Hold a slot for a time and do nothing")
        .inputs([("seconds", needs(TypeName::Number))])
        .outputs([])
        .pure()
        .runs(Handler::asynchronous(sleep))
}

async fn sleep(_: Context, inputs: Value) -> Outcome {
    let seconds = number(&inputs, "seconds", 0.0)?;
    if !(0.0..=SECONDS_MAX).contains(&seconds) {
        return Err(FunctionError::contract(format!(
            "`seconds` is from 0 to {SECONDS_MAX}"
        )));
    }
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    Ok(Value::Map(Vec::new()))
}
