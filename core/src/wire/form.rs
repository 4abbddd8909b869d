//! `application/x-www-form-urlencoded` bodies, with their secrets marked (RFC 6749 appendix B).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::secret::Secret;

/// The parameters of a token request: each name at most once (RFC 6749 §3.2), empty values left out.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Form(Vec<(&'static str, Value)>);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Value {
    Plain(String),
    Secret(Secret),
}

impl Value {
    fn text(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(secret) => secret.expose_secret(),
        }
    }
}

impl Form {
    /// No parameters yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// With parameter `name` set, in place of an earlier value.
    #[must_use]
    pub fn plain(self, name: &'static str, value: impl Into<String>) -> Self {
        self.set(name, Value::Plain(value.into()))
    }

    /// With secret parameter `name` set, in place of an earlier value.
    #[must_use]
    pub fn secret(self, name: &'static str, value: &str) -> Self {
        self.set(name, Value::Secret(value.into()))
    }

    fn set(mut self, name: &'static str, value: Value) -> Self {
        self.0.retain(|(n, _)| *n != name);
        if !value.text().is_empty() {
            self.0.push((name, value));
        }
        self
    }

    /// The value of `name`, unless it is a secret.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|(n, value)| match value {
            Value::Plain(text) if *n == name => Some(text.as_str()),
            _ => None,
        })
    }

    /// The body's bytes, in a buffer that never had to grow (no copy of a secret stays behind).
    #[must_use]
    pub fn encode(&self) -> Secret<[u8]> {
        let width = |text: &str| text.bytes().map(|b| if is_unreserved(b) || b == b' ' { 1 } else { 3 }).sum::<usize>();
        let size =
            self.0.iter().map(|(n, v)| width(n).saturating_add(width(v.text())).saturating_add(2)).sum::<usize>();
        let mut body = Vec::with_capacity(size.saturating_sub(1));
        for (i, (name, value)) in self.0.iter().enumerate() {
            if i > 0 {
                body.push(b'&');
            }
            escape(&mut body, name);
            body.push(b'=');
            escape(&mut body, value.text());
        }
        body.into()
    }

    /// `text` with every secret of this form replaced: a server may quote what it was sent.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut shown = String::from(text);
        for (_, value) in &self.0 {
            if let Value::Secret(secret) = value
                && secret.expose_secret().len() >= 4
            {
                for spelling in spellings(secret.expose_secret()).iter().filter(|s| text.contains(s.as_str())) {
                    shown = shown.replace(spelling, "[redacted]");
                }
            }
        }
        shown
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Value| match value {
            Value::Plain(text) => text.clone(),
            Value::Secret(_) => "[redacted]".into(),
        };
        f.debug_map().entries(self.0.iter().map(|(name, value)| (name, shown(value)))).finish()
    }
}

/// The ways in which a server may quote `secret`: as it is, and as it was sent, or encoded a little differently.
fn spellings(secret: &str) -> [String; 4] {
    let sent = query_value(secret);
    let percent = sent.replace('+', "%20");
    let lower = |text: &str| {
        let mut out = String::with_capacity(text.len());
        let mut hex = 0_u8;
        for c in text.chars() {
            out.push(if hex > 0 { c.to_ascii_lowercase() } else { c });
            hex = if c == '%' { 2 } else { hex.saturating_sub(1) };
        }
        out
    };
    [secret.into(), lower(&percent), sent, percent]
}

const fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'*')
}

fn escape(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |n: u8| HEX.get(usize::from(n & 0xf)).copied().unwrap_or(b'0');
    for b in text.bytes() {
        match b {
            b' ' => out.push(b'+'),
            b if is_unreserved(b) => out.push(b),
            b => out.extend([b'%', digit(b >> 4), digit(b)]),
        }
    }
}

/// `text` percent-encoded for one value of a URL's query.
#[must_use]
pub fn query_value(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    escape(&mut out, text);
    String::from_utf8(out).unwrap_or_default()
}
