//! Wall-clock moments of the wire: RFC 3339 in UTC, millisecond resolution.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::DateTime;

/// A moment, in milliseconds since the Unix epoch. Negative before 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Why a text is no moment of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTimestamp {
    #[error("not an RFC 3339 date-time such as 2026-12-31T00:00:00Z")]
    Format,
    #[error("finer than a millisecond")]
    TooFine,
}

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Reads an RFC 3339 date-time with a zone (`Z` or an offset), at most milliseconds fine, of the years 0 to 9999
    /// in UTC. Leap seconds are refused: a grant would end a second before the time that was written.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        if !has_rfc3339_shape(text) {
            return Err(InvalidTimestamp::Format);
        }
        let (local, zone) = text.split_at(zone_start(text));
        let local: DateTime = local.parse().map_err(|_| InvalidTimestamp::Format)?;
        if local.subsec_nanosecond() % 1_000_000 != 0 {
            return Err(InvalidTimestamp::TooFine);
        }
        let since = local.duration_since(EPOCH).as_millis() - offset_millis(zone);
        let moment = i64::try_from(since).map(Self).map_err(|_| InvalidTimestamp::Format)?;
        let year = moment.civil().map(DateTime::year);
        if year.is_some_and(|year| (0..=9999).contains(&year)) {
            Ok(moment)
        } else {
            Err(InvalidTimestamp::Format)
        }
    }

    /// Date and time in UTC; `None` beyond the years that calendars know.
    fn civil(self) -> Option<DateTime> {
        EPOCH.checked_add(SignedDuration::from_millis(self.0)).ok()
    }
}

/// Civil times reach to the end of 9999, instants of the calendar library do not.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Where `Z` or the offset begins in a text of the right shape.
fn zone_start(text: &str) -> usize {
    text.len() - if text.ends_with(['Z', 'z']) { 1 } else { "+00:00".len() }
}

/// Of `Z` or `±hh:mm`, in milliseconds.
fn offset_millis(zone: &str) -> i128 {
    let number = |range| zone.get(range).and_then(|digits: &str| digits.parse::<i128>().ok()).unwrap_or(0);
    let minutes = number(1..3) * 60 + number(4..6);
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    sign * minutes * 60_000
}

/// RFC 3339 is narrower than what date libraries read: `YYYY-MM-DDThh:mm:ss[.f](Z|±hh:mm)`.
fn has_rfc3339_shape(text: &str) -> bool {
    let Some((head, tail)) = text.split_at_checked(19) else { return false };
    let shape = b"0000-00-00T00:00:00";
    let head_fits = head.bytes().zip(shape).all(|(byte, want)| match want {
        b'0' => byte.is_ascii_digit(),
        b'T' => byte.eq_ignore_ascii_case(&b'T'),
        other => byte == *other,
    });
    let zone = match tail.strip_prefix('.') {
        Some(fraction) => {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if !(1..=9).contains(&digits) {
                return false;
            }
            fraction.get(digits..).unwrap_or_default()
        }
        None => tail,
    };
    let below =
        |digits: Option<&str>, limit| digits.and_then(|d| d.parse().ok()).is_some_and(|n: u8| n < limit);
    let offset_fits = |zone: &str| {
        zone.len() == 6
            && below(zone.get(1..3), 24)
            && below(zone.get(4..6), 60)
            && zone.bytes().zip(b"+00:00").all(|(byte, want)| match want {
                b'+' => matches!(byte, b'+' | b'-'),
                b'0' => byte.is_ascii_digit(),
                other => byte == *other,
            })
    };
    head_fits && below(head.get(17..19), 60) && (zone.eq_ignore_ascii_case("z") || offset_fits(zone))
}

impl fmt::Display for Timestamp {
    /// UTC with `Z`; milliseconds only when they are not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = self.civil().ok_or(fmt::Error)?;
        if self.0 % 1000 == 0 { write!(f, "{civil:.0}Z") } else { write!(f, "{civil:.3}Z") }
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_canonical_form() {
        for (text, canonical) in [
            ("2026-12-31T00:00:00Z", "2026-12-31T00:00:00Z"),
            ("2026-12-31T01:30:00+01:30", "2026-12-31T00:00:00Z"),
            ("2026-12-31T00:00:00.120Z", "2026-12-31T00:00:00.120Z"),
            ("2026-12-31T00:00:00.000000Z", "2026-12-31T00:00:00Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
            ("2024-02-29T12:00:00-05:30", "2024-02-29T17:30:00Z"),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn refuses_what_is_not_rfc3339_or_too_fine() {
        for text in [
            "",
            "2026-12-31",
            "2026-12-31T00:00:00",
            "2026-12-31 00:00:00Z",
            "2026-13-01T00:00:00Z",
            "1767139200",
            "2026-12-31T00:00:00.Z",
            "2026-12-31T00:00:00+0100",
            "2026-12-31T00:00:00+25:00",
            "2026-12-31T00:00:00+01:60",
            "2026-12-31T23:59:60Z",
            "2030-01-01T00:00:60Z",
            "2025-02-29T00:00:00Z",
            "0000-01-01T00:00:00+10:00",
            "9999-12-31T23:59:59-00:01",
            "2026-12-31T00:00:00Z[Europe/Warsaw]",
            "+002026-12-31T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(text), Err(InvalidTimestamp::Format), "{text}");
        }
        assert_eq!(Timestamp::parse("2026-12-31T00:00:00.0001Z"), Err(InvalidTimestamp::TooFine));
    }
}
