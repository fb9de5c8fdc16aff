//! Reads lines of a message's name and hexadecimal bytes; answers each with what this codec makes of it: `ok HEX`, or the
//! kind of its refusal. The Python tests hold both codecs together by it.

use std::io::{BufRead, Write};

use symphony_protocol::trace::hex;
use symphony_protocol::{WireErrorKind, reencode};

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let Some((name, text)) = line.split_once(' ') else {
            continue;
        };
        let digits = text.as_bytes().chunks(2);
        let bytes = digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap_or(""), 16));
        let data: Vec<u8> = bytes.filter_map(Result::ok).collect();
        match reencode(name, &data) {
            Some(Ok(again)) => writeln!(out, "ok {}", hex(&again))?,
            Some(Err(error)) => {
                let kind = match error.kind() {
                    WireErrorKind::Truncated => "truncated",
                    WireErrorKind::Invalid => "invalid",
                    WireErrorKind::TooLarge => "too_large",
                };
                writeln!(out, "{kind} {error}")?;
            }
            None => writeln!(out, "unknown")?,
        }
    }
    Ok(())
}
