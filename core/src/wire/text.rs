//! Remote text made safe to show.

use alloc::format;
use alloc::string::String;

/// `text` with everything but visible characters escaped, cut to `max` bytes (an ellipsis marks the cut).
///
/// Controls, line breaks, bidirectional overrides and other format characters become `\u{…}`, so that neither a
/// terminal nor a log can be driven by what a server says.
#[must_use]
pub fn printable(text: &str, max: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(max));
    for c in text.chars() {
        let plain = c == ' ' || (!c.is_control() && !c.is_whitespace() && !is_format(c));
        let escaped = if plain { None } else { Some(format!("\\u{{{:x}}}", u32::from(c))) };
        let width = escaped.as_ref().map_or(c.len_utf8(), String::len);
        if shown.len().saturating_add(width) > max {
            shown.push('…');
            break;
        }
        match escaped {
            Some(escaped) => shown.push_str(&escaped),
            None => shown.push(c),
        }
    }
    shown
}

/// Unicode format characters that change how their neighbours look (general category Cf, as far as they matter).
fn is_format(c: char) -> bool {
    matches!(u32::from(c), 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb | 0xe0000..=0xe0fff)
}

/// Whether `text` may stand in an `Authorization` header: 1 byte to 256 KiB of what RFC 6750 §2.1 allows there.
///
/// Nothing that could end a header line, or mean something to a shell, gets past here.
#[must_use]
pub fn is_access_token(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
    // Without an early end, many bytes are looked at together.
    (1..=LONGEST).contains(&text.len()) && text.bytes().fold(true, |good, b| good & allowed(b))
}

/// Whether `text` can be a refresh token: 1 byte to 256 KiB of visible ASCII (RFC 6749 appendix A.17, without spaces).
#[must_use]
pub fn is_refresh_token(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// The largest token that is believed.
const LONGEST: usize = 256 * 1024;
