//! `process.run`: a program of its own, without a shell unless asked, within limits.

use std::process::Stdio;
use std::time::Duration;

use symphony_protocol::{TypeName, Value};
use symphony_sdk::worker::function::{Handler, Offered};
use symphony_sdk::worker::{Context, FunctionError, Outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::spec::{Spec, flag, needs, number, optional_text, takes};

/// Bytes kept of each output; a program that writes more is stopped, since nobody could read it.
const OUTPUT_BYTES_MAX: u64 = 16 * 1024 * 1024;
const ARGUMENTS_MAX: usize = 4096;
/// Variables that a program gets without asking.
const ENVIRONMENT: [&str; 7] = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "USER"];
const TIMEOUT_S: f64 = 3600.0;

pub fn function() -> Offered {
    use TypeName::{Array, Boolean, Integer, Number, Object, String};
    Spec::new(
        "process.run",
        "Run a program; a code other than 0 is an output, not a failure, unless `check` is set",
    )
    .inputs([
        ("command", needs(Array)),
        ("stdin", takes(String, Value::Nil)),
        ("env", takes(Object, Value::Nil)),
        ("timeout", takes(Number, Value::Float(TIMEOUT_S))),
        ("shell", takes(Boolean, Value::Bool(false))),
        ("check", takes(Boolean, Value::Bool(false))),
        ("folder", takes(TypeName::Directory, Value::Nil)),
    ])
    .outputs([("code", Integer), ("stdout", String), ("stderr", String)])
    .once()
    .runs(Handler::asynchronous(run))
}

fn command(inputs: &Value) -> Result<Command, FunctionError> {
    let bad = || FunctionError::contract("`command` is a list of texts: a program and its arguments");
    let words = inputs
        .get("command")
        .and_then(Value::as_array)
        .filter(|words| words.len() <= ARGUMENTS_MAX);
    let words: Option<Vec<&str>> = words.ok_or_else(bad)?.iter().map(Value::as_str).collect();
    let words = words.ok_or_else(bad)?;
    let (program, arguments) = words.split_first().ok_or_else(bad)?;
    let mut command = if flag(inputs, "shell")? {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(words.join(" "));
        shell
    } else {
        let mut plain = Command::new(program);
        plain.args(arguments);
        plain
    };
    command.env_clear();
    for name in ENVIRONMENT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    for (name, value) in inputs.get("env").and_then(Value::as_map).unwrap_or_default() {
        let value = value
            .as_str()
            .ok_or_else(|| FunctionError::contract("`env` holds texts"))?;
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(FunctionError::contract(format!(
                "{name:?} is no name of a variable"
            )));
        }
        command.env(name, value);
    }
    if let Some(folder) = optional_text(inputs, "folder") {
        command.current_dir(folder);
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A group of its own, so that what the program started ends with it.
    command.process_group(0).kill_on_drop(true);
    Ok(command)
}

/// Ends the whole group when the attempt is over, however it ends.
struct Group(Option<rustix::process::Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL); // it may be gone already
        }
    }
}

async fn run(_: Context, inputs: Value) -> Outcome {
    let limit = Duration::from_secs_f64(number(&inputs, "timeout", TIMEOUT_S)?.clamp(0.001, 7.0 * 86_400.0));
    let mut command = command(&inputs)?;
    let mut child = command.spawn().map_err(|error| {
        let name = inputs
            .get("command")
            .and_then(|words| words.as_array()?.first()?.as_str())
            .unwrap_or_default();
        FunctionError::lasting("user", format!("{name}: {error}"))
    })?;
    let id = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(rustix::process::Pid::from_raw);
    let _group = Group(id);
    let input = optional_text(&inputs, "stdin").unwrap_or_default().to_owned();
    let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async move {
        if let Some(pipe) = stdin.as_mut() {
            let _ = pipe.write_all(input.as_bytes()).await; // a program may end without reading all of it
        }
    };
    let work = async {
        let (_, out, err, code) = tokio::join!(feed, read(stdout), read(stderr), child.wait());
        (out, err, code)
    };
    let Ok((out, err, code)) = tokio::time::timeout(limit, work).await else {
        return Err(FunctionError::new(
            "timeout",
            format!("the program took longer than {} s", limit.as_secs_f64()),
        ));
    };
    let (out, err) = (out?, err?);
    let code = code
        .map_err(|error| FunctionError::new("resource", error.to_string()))?
        .code()
        .unwrap_or(-1);
    if code != 0 && flag(&inputs, "check")? {
        let last = err.lines().last().unwrap_or_default();
        return Err(FunctionError::new(
            "user",
            format!("the program ended with code {code}: {last}"),
        ));
    }
    Ok(Value::from([
        ("code", Value::Int(i64::from(code))),
        ("stdout", out.into()),
        ("stderr", err.into()),
    ]))
}

async fn read(pipe: Option<impl AsyncReadExt + Unpin>) -> Result<String, FunctionError> {
    let mut data = Vec::new();
    if let Some(pipe) = pipe {
        let read = pipe.take(OUTPUT_BYTES_MAX + 1).read_to_end(&mut data).await;
        read.map_err(|error| FunctionError::new("resource", error.to_string()))?;
    }
    if data.len() as u64 > OUTPUT_BYTES_MAX {
        return Err(FunctionError::lasting(
            "limit",
            format!("the program wrote more than {OUTPUT_BYTES_MAX} bytes"),
        ));
    }
    Ok(String::from_utf8_lossy(&data).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::context;

    fn words(words: &[&str]) -> Value {
        Value::Array(words.iter().map(|word| (*word).into()).collect())
    }

    #[tokio::test]
    async fn a_program_gets_its_arguments_and_no_shell() {
        let inputs = Value::from([("command", words(&["echo", "a b; echo c", "$HOME"]))]);
        let made = run(context(), inputs).await.unwrap();
        assert_eq!(made.get("stdout"), Some(&"a b; echo c $HOME\n".into()));
        assert_eq!(made.get("code"), Some(&Value::Int(0)));
    }

    #[tokio::test]
    async fn the_environment_is_what_is_listed() {
        let env = Value::from([("GIVEN", "1".into())]);
        let inputs = Value::from([("command", words(&["env"])), ("env", env)]);
        let made = run(context(), inputs).await.unwrap();
        let out = made
            .get("stdout")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        assert!(out.contains("GIVEN=1") && !out.contains("CARGO"), "{out}");
    }

    #[tokio::test]
    async fn stdin_is_given_and_the_code_is_an_output() {
        let inputs = Value::from([
            ("command", words(&["cat; exit 3"])),
            ("shell", Value::Bool(true)),
            ("stdin", "hello".into()),
        ]);
        let made = run(context(), inputs).await.unwrap();
        assert_eq!(
            (made.get("stdout"), made.get("code")),
            (Some(&"hello".into()), Some(&Value::Int(3)))
        );
    }

    #[tokio::test]
    async fn a_program_that_overruns_or_is_not_there_fails_by_kind() {
        let slow = Value::from([
            ("command", words(&["sleep", "60"])),
            ("timeout", Value::Float(0.05)),
        ]);
        assert_eq!(run(context(), slow).await.unwrap_err().kind, "timeout");
        let none = Value::from([("command", words(&["/no/such/program"]))]);
        assert_eq!(run(context(), none).await.unwrap_err().kind, "user");
        let empty = Value::from([("command", words(&[]))]);
        assert_eq!(run(context(), empty).await.unwrap_err().kind, "contract");
    }
}
