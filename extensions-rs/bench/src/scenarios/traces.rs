//! Recorded workflows, their times scaled so that the longest path of each takes a second.

use std::path::Path;
use std::time::Instant;

use serde_json::Value as Json;
use symphony_protocol::Value;
use symphony_sdk::{Error, ErrorKind};

use super::Session;
use crate::clients::Client;
use crate::report::{Load, Row, Times};

/// Seconds of each longest path.
const PATH_S: f64 = 1.0;
/// Times that all are run at once.
const TOGETHER: usize = 3;

struct Trace {
    document: Json,
    inputs: Vec<u8>,
    name: String,
    tasks: usize,
}

/// Each alone, by how much it takes longer than its longest path; then all at once.
pub async fn traces(session: &Session<'_>) -> Result<Vec<Row>, Error> {
    let traces: Vec<Trace> = session
        .options
        .traces
        .iter()
        .map(|path| trace(path))
        .collect::<Result<_, _>>()?;
    let Some(first) = traces.first() else {
        return Ok(Vec::new());
    };
    let mut client = session.client(&first.document).await?;
    let mut rows = Vec::new();
    for trace in &traces {
        begin(session, &mut client, trace, 1).await?;
        let took = client.next_end().await?.took;
        let mut times = Times::default();
        times.add(took);
        let more = 100.0 * (took.as_secs_f64() / PATH_S - 1.0);
        rows.push(Row::rate(format!("trace_{}", trace.name), "%", more, &times).load(Load::Closed));
    }
    let (mut times, mut tasks) = (Times::default(), 0);
    let began = Instant::now();
    for trace in &traces {
        begin(session, &mut client, trace, TOGETHER).await?;
        tasks += trace.tasks * TOGETHER;
    }
    while client.under_way() > 0 {
        times.add(client.next_end().await?.took);
    }
    let per_second = tasks as f64 / began.elapsed().as_secs_f64();
    let row = Row::rate("traces_mixed", "tasks/s", per_second, &times).load(Load::Closed);
    rows.push(row.part("tasks", tasks as f64));
    Ok(rows)
}

async fn begin(session: &Session<'_>, client: &mut Client, trace: &Trace, count: usize) -> Result<(), Error> {
    client.take(&trace.document)?;
    client.give(trace.inputs.clone());
    client.begin(&session.options.tenant, count).await
}

fn trace(path: &Path) -> Result<Trace, Error> {
    let wrong = |what: &str| Error::new(ErrorKind::Invalid, format!("{}: {what}", path.display()));
    let document: Json =
        serde_json::from_slice(&std::fs::read(path)?).map_err(|error| wrong(&error.to_string()))?;
    let critical = document
        .pointer("/tags/critical_path_s")
        .and_then(|said| said.as_f64().or_else(|| said.as_str()?.parse().ok()))
        .filter(|seconds| *seconds > 0.0)
        .ok_or_else(|| wrong("the document has no tag critical_path_s"))?;
    let tasks = document
        .get("tasks")
        .and_then(Json::as_object)
        .map_or(0, serde_json::Map::len);
    let scale = Value::Float(PATH_S / critical);
    let name = path.file_stem().and_then(|name| name.to_str());
    Ok(Trace {
        inputs: Value::Map(vec![("time_scale".to_owned(), scale)]).pack(),
        name: name.unwrap_or("trace").to_owned(),
        tasks,
        document,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_scaled_to_its_longest_path_and_one_without_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("montage.json");
        std::fs::write(
            &path,
            r#"{"workflow": "m", "tags": {"critical_path_s": "20.0"}, "tasks": {"a": {}}}"#,
        )
        .unwrap();
        let made = trace(&path).unwrap();
        assert_eq!((made.name.as_str(), made.tasks), ("montage", 1));
        assert_eq!(
            Value::unpack(&made.inputs)
                .unwrap()
                .get("time_scale")
                .unwrap()
                .as_f64(),
            Some(0.05)
        );
        std::fs::write(&path, r#"{"workflow": "m", "tasks": {}}"#).unwrap();
        assert_eq!(trace(&path).err().unwrap().kind(), ErrorKind::Invalid);
    }
}
