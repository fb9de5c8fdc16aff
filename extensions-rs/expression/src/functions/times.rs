//! Times and durations, both in seconds: numbers, like `run.started`.

use symphony_protocol::Value;

use super::numbers::{finite, shown};
use crate::error::{Error, type_error};

/// `"5m"` in seconds.
pub fn duration(text: &str) -> Result<Value, Error> {
    let bad = || {
        type_error(format!(
            "{} is no duration: write 200ms, 10s, 5m, 2h or 1d",
            shown(text)
        ))
    };
    let at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(bad)?;
    let (number, unit) = text.split_at_checked(at).ok_or_else(bad)?;
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(bad());
    }
    let number: f64 = number.parse().map_err(|_| bad())?;
    let (times, parts) = match unit {
        "ms" => (1.0, 1000.0),
        "s" => (1.0, 1.0),
        "m" => (60.0, 1.0),
        "h" => (3600.0, 1.0),
        "d" => (86_400.0, 1.0),
        _ => return Err(bad()),
    };
    finite(number * times / parts)
}

/// `"2026-01-31T12:00:00Z"` (RFC 3339) in seconds since 1970.
pub fn timestamp(text: &str) -> Result<Value, Error> {
    let bad = || type_error(format!("{} is no time: write 2026-01-31T12:00:00Z", shown(text)));
    seconds(text).ok_or_else(bad).and_then(finite)
}

fn seconds(text: &str) -> Option<f64> {
    let (date, rest) = text.split_once(['T', 't'])?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let at = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = rest.split_at_checked(at)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let fraction = fraction.bytes().all(|b| b.is_ascii_digit()).then_some(fraction)?;
    let fraction: f64 = format!("0.{fraction}").parse().ok()?;
    if !(1..=12).contains(&month) || !(1..=days(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let clock = hour * 3600 + minute * 60 + second - offset(zone)?;
    Some((day_number(year, month, day) * 86_400 + clock) as f64 + fraction)
}

fn numbers<const N: usize>(text: &str, between: char, widths: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(between);
    let mut made = [0; N];
    for (slot, width) in made.iter_mut().zip(widths) {
        let part = parts.next().filter(|part| part.len() == width)?;
        *slot = part
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(made)
}

/// Seconds that a zone is ahead.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let [hours, minutes] = numbers(zone.get(1..)?, ':', [2, 2])?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn days(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01. Source: https://howardhinnant.github.io/date_algorithms.html#days_from_civil
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}
