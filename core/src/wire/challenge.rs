//! `WWW-Authenticate`: what a resource says when it refuses a request (RFC 9110 §11.6.1, RFC 6750 §3).
//!
//! Real services are looser than the grammar: Azure Storage separates parameters by spaces, Azure Arc leaves paths
//! unquoted. Both are read. What cannot be understood is not believed: a challenge that names a parameter twice, or
//! that ends in the middle, is left out, since guessing would let a server mean two things at once.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::json::Object;
use super::jwt;

/// Bytes of field values that are read at most, all fields together.
const LONGEST: usize = 64 * 1024;

/// Challenges that are read at most, and parameters of each.
const MOST: usize = 32;

/// Bytes of encoded claims that are believed at most.
const LONGEST_CLAIMS: usize = 16 * 1024;

/// One challenge: a scheme and what comes with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Challenge {
    scheme: String,
    token68: Option<String>,
    params: Vec<(String, String)>,
}

impl Challenge {
    /// The scheme in lower case: `bearer`, `basic`, `pop`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Whether the scheme is `Bearer` (RFC 6750 §3).
    #[must_use]
    pub fn is_bearer(&self) -> bool {
        self.scheme == "bearer"
    }

    /// The value of parameter `name`, unquoted; `name` in lower case.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The parameters, names in lower case, in the order written.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What stands in place of parameters, as `Negotiate` has it (RFC 9110 §11.2).
    #[must_use]
    pub fn token68(&self) -> Option<&str> {
        self.token68.as_deref()
    }

    /// The claims that a new token must carry, as JSON text: a `Bearer` challenge that says `insufficient_claims` and
    /// brings them (continuous access evaluation).
    ///
    /// `None` for claims that cannot be read, and for any other error, `invalid_token` included.
    #[must_use]
    pub fn claims(&self) -> Option<String> {
        let insufficient = self.param("error").is_some_and(|e| e.eq_ignore_ascii_case("insufficient_claims"));
        if self.is_bearer() && insufficient { claims(self.param("claims")?) } else { None }
    }
}

/// The JSON object in `encoded`, as text: base64 in either alphabet, padded or not, at most 16 KiB.
#[must_use]
pub fn claims(encoded: &str) -> Option<String> {
    if encoded.len() > LONGEST_CLAIMS {
        return None;
    }
    let text = String::from_utf8(jwt::base64(encoded)?).ok()?;
    Object::parse(&text).is_ok().then_some(text)
}

/// The challenges of a response: one text for each `WWW-Authenticate` field.
///
/// At most 64 KiB and 32 challenges are read. A field that stops making sense is left there; what was whole before
/// that counts.
#[must_use]
pub fn parse<'a>(fields: impl IntoIterator<Item = &'a str>) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut left = LONGEST;
    for field in fields {
        match left.checked_sub(field.len()) {
            Some(less) => left = less,
            None => break,
        }
        let mut reader = Reader { rest: field, found: &mut found };
        // Whether the field made sense to its end is of no interest: what did is in `found`.
        let _ = reader.field();
    }
    found
}

/// The rest of one field.
struct Reader<'a, 'f> {
    rest: &'a str,
    found: &'f mut Vec<Challenge>,
}

impl<'a> Reader<'a, '_> {
    /// Reads to the end, or to where the field stops making sense (`None`).
    fn field(&mut self) -> Option<()> {
        let mut current: Option<Challenge> = None;
        let mut after_comma = true;
        loop {
            after_comma |= self.skip(|b| matches!(b, b' ' | b'\t' | b',')).contains(',');
            if self.rest.is_empty() {
                return self.push(current);
            }
            let word = self.skip(is_tchar);
            if word.is_empty() {
                return None;
            }
            let spaces = self.skip(is_space);
            let challenge = match self.rest.strip_prefix('=') {
                Some(rest) => {
                    self.rest = rest;
                    self.skip(is_space);
                    let mut challenge = current?;
                    let value = self.value()?;
                    let name = word.to_ascii_lowercase();
                    if challenge.param(&name).is_some() || challenge.params.len() >= MOST {
                        return None;
                    }
                    challenge.params.push((name, value));
                    challenge
                }
                None if after_comma => {
                    self.push(current)?;
                    let token68 = if spaces.is_empty() { None } else { self.token68() };
                    Challenge { scheme: word.to_ascii_lowercase(), token68, params: Vec::new() }
                }
                None => return None,
            };
            current = Some(challenge);
            after_comma = false;
        }
    }

    fn push(&mut self, challenge: Option<Challenge>) -> Option<()> {
        if self.found.len() >= MOST {
            return None;
        }
        self.found.extend(challenge);
        Some(())
    }

    /// Takes the bytes from here for which `wanted` holds; it must hold for none that is not ASCII.
    fn skip(&mut self, wanted: fn(u8) -> bool) -> &'a str {
        let end = self.rest.bytes().position(|b| !wanted(b)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or(("", self.rest));
        self.rest = rest;
        taken
    }

    /// `token68`, when one stands here and nothing behind it (`name=value` is none).
    fn token68(&mut self) -> Option<String> {
        let before = self.rest;
        let word = self.skip(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/'));
        let padding = self.skip(|b| b == b'=');
        let whole = before.get(..word.len().saturating_add(padding.len())).unwrap_or_default();
        self.skip(is_space);
        if !word.is_empty() && (self.rest.is_empty() || self.rest.starts_with(',')) {
            return Some(whole.to_owned());
        }
        self.rest = before;
        None
    }

    /// A value, quoted or not, and nothing stuck to it.
    fn value(&mut self) -> Option<String> {
        let value = match self.rest.strip_prefix('"') {
            Some(rest) => {
                self.rest = rest;
                self.quoted()?
            }
            None => self.skip(|b| b.is_ascii_graphic() && !matches!(b, b',' | b'"')).to_owned(),
        };
        (self.rest.is_empty() || self.rest.starts_with([' ', '\t', ','])).then_some(value)
    }

    /// The inside of a quoted string whose opening quote has been read (RFC 9110 §5.6.4).
    fn quoted(&mut self) -> Option<String> {
        let mut value = String::new();
        let mut chars = self.rest.chars();
        loop {
            let c = match chars.next()? {
                '"' => break,
                '\\' => chars.next()?,
                c => c,
            };
            if c.is_control() && c != '\t' {
                return None;
            }
            value.push(c);
        }
        self.rest = chars.as_str();
        Some(value)
    }
}

const fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}

/// A character of a `token` (RFC 9110 §5.6.2).
const fn is_tchar(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(
            b,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}
