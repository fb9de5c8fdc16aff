//! Log lines: one a record on stderr, text or JSON, with the trace and span of the work that wrote it.

use std::fmt;

use symphony_protocol::trace::hex;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{self, FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use crate::current::current;

/// A form of lines, and the identifiers at their end.
struct Carrying<F> {
    inner: F,
    json: bool,
}

impl<S, N, F> FormatEvent<S, N> for Carrying<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(at) = current() else {
            return self.inner.format_event(context, out, event);
        };
        let (trace, span) = (hex(&at.trace_id), hex(&at.span_id));
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        let line = line.trim_end();
        match line.strip_suffix('}').filter(|_| self.json) {
            Some(open) => writeln!(out, r#"{open},"trace_id":"{trace}","span_id":"{span}"}}"#),
            None => writeln!(out, "{line} trace_id={trace} span_id={span}"),
        }
    }
}

fn text() -> Carrying<format::Format> {
    Carrying {
        inner: format::format().with_ansi(false),
        json: false,
    }
}

fn json() -> Carrying<format::Format<format::Json>> {
    Carrying {
        inner: format::format().json(),
        json: true,
    }
}

/// Log to stderr; `SYMPHONY_LOG` chooses the level (default `info`), `SYMPHONY_LOG_FORMAT=json` the form.
pub fn init() {
    to(std::io::stderr);
}

/// The same to another place.
pub fn to<W>(writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter =
        EnvFilter::try_from_env("SYMPHONY_LOG").unwrap_or_else(|_| EnvFilter::new("info,async_nats=warn"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false);
    // A second call, in a test, finds the first one's subscriber in place.
    let _ = if std::env::var("SYMPHONY_LOG_FORMAT").is_ok_and(|form| form == "json") {
        builder.json().event_format(json()).try_init()
    } else {
        builder.event_format(text()).try_init()
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::current::within_here;
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use symphony_protocol::trace::TraceContext;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(data);
            Ok(data.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn all(&self) -> Vec<String> {
            let data = self.0.lock().unwrap().clone();
            String::from_utf8(data)
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect()
        }
    }

    const AT: TraceContext = TraceContext {
        trace_id: [0xab; 16],
        span_id: [0xcd; 8],
        flags: 1,
    };

    fn say() {
        within_here(Some(AT), || tracing::info!(n = 7, "inside"));
        tracing::info!("outside");
    }

    #[test]
    fn a_line_of_text_ends_with_the_trace_and_span_of_its_work() {
        let lines = Lines::default();
        let sink = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || sink.clone())
            .with_ansi(false)
            .event_format(text())
            .finish();
        tracing::subscriber::with_default(subscriber, say);
        let [inside, outside] = <[String; 2]>::try_from(lines.all()).unwrap();
        let tail = format!(" trace_id={} span_id={}", "ab".repeat(16), "cd".repeat(8));
        assert!(
            inside.contains("inside n=7") && inside.ends_with(&tail),
            "{inside}"
        );
        assert!(outside.ends_with("outside"), "{outside}");
    }

    #[test]
    fn a_line_of_json_has_them_as_fields() {
        let lines = Lines::default();
        let sink = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || sink.clone())
            .json()
            .event_format(json())
            .finish();
        tracing::subscriber::with_default(subscriber, say);
        let read = |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let [inside, outside] =
            <[serde_json::Value; 2]>::try_from(lines.all().iter().map(read).collect::<Vec<_>>()).unwrap();
        assert_eq!(inside["trace_id"], "ab".repeat(16));
        assert_eq!(inside["span_id"], "cd".repeat(8));
        assert_eq!(inside["fields"]["message"], "inside");
        assert!(outside.get("trace_id").is_none());
    }
}
