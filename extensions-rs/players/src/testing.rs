//! `test.noop, test.echo, test.fail, test.busy, test.append`: what tests and benchmarks are made of.

use std::io::Write;
use std::time::{Duration, Instant};

use symphony_protocol::{TypeName, Value};
use symphony_sdk::worker::function::{Handler, Offered};
use symphony_sdk::worker::{Context, FunctionError, Outcome};

use crate::spec::{Spec, io, needs, number, optional_text, takes, text};

/// How often `test.busy` looks whether it is wanted still.
const LOOK: Duration = Duration::from_millis(5);

pub fn functions() -> Vec<Offered> {
    use TypeName::{Any, File, Integer, Number, String};
    vec![
        Spec::new("test.noop", "Do nothing")
            .inputs([])
            .open()
            .outputs([])
            .pure()
            .runs(Handler::quick(noop)),
        Spec::new("test.echo", "Give back what was given")
            .inputs([])
            .open()
            .pure()
            .runs(Handler::quick(|_, inputs| Ok(inputs))),
        Spec::new(
            "test.fail",
            "Fail the first `times` tries of a task (every one by default), then succeed",
        )
        .inputs([
            ("kind", takes(String, "user".into())),
            ("times", takes(Integer, Value::Nil)),
            ("message", takes(String, "as asked".into())),
            ("retry_after_ms", takes(Integer, Value::Nil)),
            ("value", takes(Any, Value::Nil)),
        ])
        .runs(Handler::quick(fail)),
        Spec::new("test.busy", "Compute for `ms` milliseconds of this thread's time")
            .inputs([("ms", needs(Number))])
            .outputs([])
            .pure()
            .runs(Handler::blocking(busy)),
        Spec::new(
            "test.append",
            "Append a line with run, task and attempt to a file",
        )
        .inputs([("file", needs(File)), ("line", takes(String, "".into()))])
        .outputs([("line", String)])
        .runs(Handler::blocking(append)),
    ]
}

fn noop(_: &Context, _: Value) -> Outcome {
    Ok(Value::Map(Vec::new()))
}

fn fail(context: &Context, inputs: Value) -> Outcome {
    let times = match inputs.get("times") {
        None | Some(Value::Nil) => u32::MAX,
        Some(value) => {
            let times = value.as_i64().and_then(|times| u32::try_from(times).ok());
            times.ok_or_else(|| FunctionError::contract("`times` is a whole number"))?
        }
    };
    if context.r#try > times {
        return Ok(Value::from([("attempt", Value::Int(i64::from(context.r#try)))]));
    }
    let kind = optional_text(&inputs, "kind").unwrap_or("user");
    let message = optional_text(&inputs, "message").unwrap_or("as asked");
    let mut error = FunctionError::new(kind, message);
    error.retry_after_ms = inputs
        .get("retry_after_ms")
        .and_then(Value::as_i64)
        .and_then(|ms| u64::try_from(ms).ok());
    Err(error)
}

fn busy(context: &Context, inputs: Value) -> Outcome {
    let wanted = Duration::from_secs_f64(number(&inputs, "ms", 0.0)?.clamp(0.0, 8.64e7) / 1000.0);
    let began = cpu_time();
    let mut looked = Instant::now();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while cpu_time().saturating_sub(began) < wanted {
        for _ in 0..512 {
            state = state.rotate_left(5).wrapping_mul(0xff51_afd7_ed55_8ccd) ^ (state >> 7);
        }
        if looked.elapsed() > LOOK {
            looked = Instant::now();
            if context.cancelled() {
                return Err(FunctionError::lasting("cancelled", "the attempt was cancelled"));
            }
        }
    }
    std::hint::black_box(state);
    Ok(Value::Map(Vec::new()))
}

/// The processor time of this thread: on a busy machine a task of 10 ms still computes for 10 ms.
fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(now.tv_nsec).unwrap_or_default())
}

fn append(context: &Context, inputs: Value) -> Outcome {
    let path = std::path::PathBuf::from(text(&inputs, "file")?);
    let said = optional_text(&inputs, "line").unwrap_or_default();
    let line = format!("{} {} {} {said}\n", context.run, context.task, context.r#try);
    // One write of one line: lines of several workers do not mix.
    let opened = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    opened
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(|error| io(&path, &error))?;
    Ok(Value::from([("line", line.trim_end().into())]))
}

/// A context for unit tests, without a broker behind it.
#[cfg(test)]
pub fn context() -> Context {
    Context::detached(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fails_as_often_as_asked() {
        let inputs = Value::from([("times", Value::Int(2)), ("kind", "busy".into())]);
        assert_eq!(
            fail(&Context::detached(2), inputs.clone()).unwrap_err().kind,
            "busy"
        );
        assert!(fail(&Context::detached(3), inputs).is_ok());
        assert!(fail(&Context::detached(900), Value::Map(Vec::new())).is_err());
    }

    #[test]
    fn busy_time_is_the_threads_own() {
        let began = cpu_time();
        busy(&context(), Value::from([("ms", Value::Int(20))])).unwrap();
        assert!(cpu_time() - began >= Duration::from_millis(20));
    }
}
