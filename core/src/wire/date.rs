//! Dates as servers write them: HTTP dates in all three forms, the forms of `expires_on`, `Retry-After`.

use core::time::Duration;

use time::{Date, Month, Time};

use crate::time::Unix;

/// Longer texts are no date: refused before they are looked at.
const LONGEST: usize = 64;

/// An HTTP date (RFC 9110 §5.6.7): IMF-fixdate, RFC 850 or asctime form.
#[must_use]
pub fn http_date(text: &str) -> Option<Unix> {
    let words = words(text)?;
    match words.as_slice() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        [_, day, month, year, clock, "GMT"] => moment(digits(year)?, name_of_month(month)?, digits(day)?, clock, false),
        // Sunday, 06-Nov-94 08:49:37 GMT
        [_, date, clock, "GMT"] => {
            let mut parts = date.split('-');
            let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
            let short = digits(year)?;
            // Two digits mean the hundred years around 2000; RFC 9110 leaves the pivot to the reader.
            let year = if short < 70 { short.saturating_add(2000) } else { short.saturating_add(1900) };
            moment(year, name_of_month(month)?, digits(day)?, clock, false)
        }
        // Sun Nov  6 08:49:37 1994
        [_, month, day, clock, year] => moment(digits(year)?, name_of_month(month)?, digits(day)?, clock, false),
        _ => None,
    }
}

/// A moment of expiry: epoch seconds, `MM/dd/yyyy HH:mm:ss [AM|PM] +00:00`, `yyyy-MM-dd HH:mm:ss`, or RFC 3339.
///
/// Forms without an offset are UTC.
#[must_use]
pub fn expiry(text: &str) -> Option<Unix> {
    let text = text.trim();
    if let Some(seconds) = super::json::integer(text) {
        return Some(Unix(seconds));
    }
    if text.len() > LONGEST {
        return None;
    }
    if text.contains('/') {
        return us_date(text);
    }
    let (date, clock) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let cut = clock.find(['Z', 'z', '+', '-', ' ']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at_checked(cut)?;
    let at = moment(digits(year)?, digits(month)?, digits(day)?, clock.split('.').next()?, false)?;
    Some(at.plus(offset(zone.trim())?.checked_neg()?))
}

fn us_date(text: &str) -> Option<Unix> {
    let words = words(text)?;
    let [date, clock, rest @ ..] = words.as_slice() else { return None };
    let mut parts = date.split('/');
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    let (afternoon, zone) = match rest {
        [] => (None, ""),
        ["AM" | "am"] => (Some(false), ""),
        ["PM" | "pm"] => (Some(true), ""),
        ["AM" | "am", zone] => (Some(false), *zone),
        ["PM" | "pm", zone] => (Some(true), *zone),
        [zone] => (None, *zone),
        _ => return None,
    };
    let hour = digits(clock.split(':').next()?)?;
    // "00:00:00 PM" is seen in the wild; it can only mean what the 24-hour clock says.
    let twelve_hours = afternoon == Some(true) && (1..12).contains(&hour);
    let midnight = afternoon == Some(false) && hour == 12;
    let at = moment(digits(year)?, digits(month)?, digits(day)?, clock, twelve_hours)?;
    Some(at.plus(if midnight { -12 * 3600 } else { 0 }).plus(offset(zone)?.checked_neg()?))
}

/// `Retry-After` (RFC 9110 §10.2.3) as a span from `now`: seconds or a date, clamped to an hour.
#[must_use]
pub fn retry_after(text: &str, now: Unix) -> Option<Duration> {
    let text = text.trim();
    if text.len() > LONGEST {
        return None;
    }
    let seconds = match text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        true => text.parse().unwrap_or(i64::MAX),
        false => http_date(text)?.since(now),
    };
    Some(Duration::from_secs(u64::try_from(seconds.clamp(0, 3600)).unwrap_or(0)))
}

/// The words of a date, at most six, commas dropped.
fn words(text: &str) -> Option<alloc::vec::Vec<&str>> {
    if text.len() > LONGEST {
        return None;
    }
    let words = text.split([' ', ',']).filter(|w| !w.is_empty()).take(7).collect::<alloc::vec::Vec<_>>();
    (words.len() <= 6).then_some(words)
}

fn digits(text: &str) -> Option<i32> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn name_of_month(name: &str) -> Option<i32> {
    const NAMES: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let at = NAMES.iter().position(|n| name.eq_ignore_ascii_case(n))?;
    i32::try_from(at).ok()?.checked_add(1)
}

fn moment(year: i32, month: i32, day: i32, clock: &str, afternoon: bool) -> Option<Unix> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
    let mut parts = clock.split(':');
    let (hour, minute) = (digits(parts.next()?)?, digits(parts.next()?)?);
    // A leap second is the last second of its minute.
    let second = parts.next().map_or(Some(0), digits)?;
    let second = if second == 60 { 59 } else { second };
    let hour = if afternoon { hour.checked_add(12)? } else { hour };
    let byte = |n: i32| u8::try_from(n).ok();
    let time = Time::from_hms(byte(hour)?, byte(minute)?, byte(second)?).ok()?;
    Some(Unix(date.with_time(time).assume_utc().unix_timestamp()))
}

/// Seconds east of UTC that a zone suffix says.
fn offset(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone {
        "" | "Z" | "z" | "UTC" | "GMT" => return Some(0),
        _ => (if zone.starts_with('-') { -1_i64 } else { 1 }, zone.strip_prefix(['+', '-'])?),
    };
    let (hours, minutes) = rest.split_once(':').or_else(|| rest.split_at_checked(2))?;
    let (hours, minutes) = (i64::from(digits(hours)?), i64::from(digits(minutes)?));
    if hours > 23 || minutes > 59 {
        return None;
    }
    sign.checked_mul(hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?)
}
