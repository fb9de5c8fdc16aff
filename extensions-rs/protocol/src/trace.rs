//! W3C trace context (https://www.w3.org/TR/trace-context/), as 25 bytes inside messages and as headers at the edges.

use crate::payload::Trace;

/// A span that others hang below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    pub flags: u8,
}

impl TraceContext {
    pub fn sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The 25 bytes that messages carry.
    pub fn pack(&self) -> Trace {
        let mut data = [0; 25];
        let (trace, rest) = data.split_at_mut(16);
        trace.copy_from_slice(&self.trace_id);
        let (span, flags) = rest.split_at_mut(8);
        span.copy_from_slice(&self.span_id);
        flags.fill(self.flags);
        Trace(data)
    }

    pub fn unpack(trace: &Trace) -> Self {
        let mut made = Self {
            trace_id: [0; 16],
            span_id: [0; 8],
            flags: 0,
        };
        let (trace_id, rest) = trace.0.split_at(16);
        made.trace_id.copy_from_slice(trace_id);
        let (span_id, flags) = rest.split_at(8);
        made.span_id.copy_from_slice(span_id);
        made.flags = flags.first().copied().unwrap_or_default();
        made
    }

    /// The `traceparent` header of version 00.
    pub fn header(&self) -> String {
        format!(
            "00-{}-{}-{:02x}",
            hex(&self.trace_id),
            hex(&self.span_id),
            self.flags
        )
    }
}

/// The span identifier of a run's root span: whoever knows the run can name it, and no message has to carry it.
pub fn run_span_id(run: &str) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"symphony run span\0");
    hasher.update(run.as_bytes());
    let mut span = [0; 8];
    span.copy_from_slice(hasher.finalize().as_bytes().split_at(8).0);
    span
}

/// Bytes in lower-case hexadecimal.
pub fn hex(data: &[u8]) -> String {
    use std::fmt::Write;
    data.iter()
        .fold(String::with_capacity(data.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The inverse of `hex`; None for upper case, odd lengths and other characters.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    if text.len() != N * 2 {
        return None;
    }
    let mut data = [0; N];
    for (slot, pair) in data.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *slot = digit(*high)? << 4 | digit(*low)?;
    }
    Some(data)
}

/// The context of the `traceparent` headers of one message, or None where a new trace must begin.
pub fn parse_traceparent(values: &[&str]) -> Option<TraceContext> {
    let [value] = values else { return None };
    let value = value.trim_matches([' ', '\t']);
    let mut parts = value.splitn(5, '-');
    let version = unhex::<1>(parts.next()?)?;
    let trace_id = unhex::<16>(parts.next()?)?;
    let span_id = unhex::<8>(parts.next()?)?;
    let flags = unhex::<1>(parts.next()?)?;
    let rest = parts.next();
    let known = match version {
        [0xff] => false,
        [0] => rest.is_none(),
        _ => true,
    };
    if !known || trace_id == [0; 16] || span_id == [0; 8] {
        return None;
    }
    Some(TraceContext {
        trace_id,
        span_id,
        flags: flags.first()? & 1,
    })
}
