//! `symphony-pit check`: the checks of `dag.check` without a mesh.

use std::io::{Read, Write};
use std::process::ExitCode;

use symphony_protocol::bounds::DOCUMENT_BYTES_MAX;
use symphony_protocol::{Check, Checked, Problem};
use symphony_workflow::{NoFunctions, pack};

/// Functions are not known here, so calls are not checked against their contracts.
pub fn main() -> ExitCode {
    let mut json = Vec::new();
    let most = u64::try_from(DOCUMENT_BYTES_MAX).unwrap_or(u64::MAX);
    let read = std::io::stdin().lock().take(most + 1).read_to_end(&mut json);
    let packed = read.ok().and_then(|_| pack(&json));
    let checked = match packed {
        Some(document) => {
            let ask = Check {
                document: document.into(),
                functions_known: false,
                ..Default::default()
            };
            symphony_dag_tracker::check::answer(&ask, &NoFunctions)
        }
        None => {
            let message = "the document cannot be read, or is larger than a submission may be".to_owned();
            Checked {
                problems: vec![Problem {
                    message,
                    ..Default::default()
                }],
                ..Default::default()
            }
        }
    };
    let Ok(answer) = serde_json::to_vec(&checked) else {
        return ExitCode::FAILURE;
    };
    match std::io::stdout().write_all(&answer) {
        Ok(()) if checked.problems.is_empty() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
