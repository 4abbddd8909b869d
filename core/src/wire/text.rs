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

/// Whether `text` may stand in an `Authorization` header: 1 byte to 256 KiB of visible ASCII, no space.
///
/// RFC 6750 §2.1 allows `token68` only; anything that could end a header line never gets past here.
#[must_use]
pub fn is_token(text: &str) -> bool {
    (1..=256 * 1024).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}
