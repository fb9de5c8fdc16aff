//! Moments as texts: RFC 3339, `2030-01-31T12:00:00Z`, with an optional fraction and an offset.

/// Milliseconds since the Unix epoch; None where the text is no moment after it.
pub fn parse_ms(text: &str) -> Option<u64> {
    let (date, clock) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (
        number(parts.next()?, 4)?,
        number(parts.next()?, 2)?,
        number(parts.next()?, 2)?,
    );
    let (clock, offset_s) = zone(clock)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.splitn(3, ':');
    let (hour, minute, second) = (
        number(parts.next()?, 2)?,
        number(parts.next()?, 2)?,
        number(parts.next()?, 2)?,
    );
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset_s;
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let ms = seconds.checked_mul(1000)?.checked_add(number(&digits, 3)?)?;
    u64::try_from(ms).ok()
}

fn number(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// The clock without its zone, and the zone's offset in seconds.
fn zone(clock: &str) -> Option<(&str, i64)> {
    if let Some(clock) = clock.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let at = clock.rfind(['+', '-'])?;
    let (clock, offset) = clock.split_at_checked(at)?;
    let (sign, offset) = offset.split_at_checked(1)?;
    let (hours, minutes) = offset.split_once(':')?;
    let seconds = number(hours, 2)? * 3600 + number(minutes, 2)? * 60;
    Some((clock, if sign == "-" { -seconds } else { seconds }))
}

/// Days from 1970-01-01 in the Gregorian calendar: years counted from March, so that the leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let since_march = (month + 9) % 12;
    let day_of_year = (153 * since_march + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::parse_ms;

    #[test]
    fn moments_are_milliseconds_since_the_epoch() {
        assert_eq!(parse_ms("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse_ms("2000-02-29T12:00:00.5Z"), Some(951_825_600_500));
        assert_eq!(
            parse_ms("2030-01-31T13:30:00+01:30"),
            parse_ms("2030-01-31T12:00:00Z")
        );
        assert_eq!(parse_ms("2026-11-24T22:00:00Z"), Some(1_795_557_600_000));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "tomorrow",
            "2030-01-31",
            "2030-13-01T00:00:00Z",
            "2030-01-01T25:00:00Z",
            "2030-01-01T00:00:00",
        ] {
            assert_eq!(parse_ms(text), None, "{text}");
        }
    }
}
