//! Cheap looks at an entity's raw text that spare reading most of them: they may let too much through, never too little.

use alloc::vec::Vec;

use memchr::memmem::{self, Finder};
use memchr::{memchr, memchr_iter, memchr2_iter};

/// Texts that an entity must mention to be of interest.
///
/// A text stands in JSON as it is, unless there is a backslash somewhere: then the entity is let through unseen.
#[derive(Debug, Default)]
pub(super) struct Sieve<'a> {
    words: Vec<Finder<'a>>,
    folded: Vec<Folded<'a>>,
}

impl<'a> Sieve<'a> {
    /// Only what mentions `word`.
    pub(super) fn word(mut self, word: &'a str) -> Self {
        self.words.push(Finder::new(word));
        self
    }

    /// Only what mentions `word`, ASCII letters in either case.
    pub(super) fn word_in_any_case(mut self, word: &'a str) -> Self {
        self.folded.extend(Folded::new(word));
        self
    }

    /// Whether `raw` may be of interest.
    pub(super) fn passes(&self, raw: &str) -> bool {
        #[cfg(canary)]
        if crate::canary::forgets() {
            return true;
        }
        let raw = raw.as_bytes();
        let mentioned =
            self.words.iter().all(|word| word.find(raw).is_some()) && self.folded.iter().all(|word| word.is_in(raw));
        mentioned || has_escapes(raw)
    }
}

/// Whether a member somewhere in `raw` may have a value that is `fitting`; `name` is its name in quotes.
pub(super) fn may_have(raw: &str, name: &str, fitting: impl Fn(&str) -> bool) -> bool {
    let ends = memmem::find_iter(raw.as_bytes(), name).map(|start| start.saturating_add(name.len()));
    let mut rests = ends.filter_map(|end| raw.get(end..)?.trim_start().strip_prefix(':'));
    rests.any(|rest| scalar(rest.trim_start()).is_some_and(&fitting)) || has_escapes(raw.as_bytes())
}

/// The JSON text or number that `rest` begins with; anything else comes out cut short.
fn scalar(rest: &str) -> Option<&str> {
    let end = match rest.strip_prefix('"') {
        Some(inner) => inner.find('"')?.saturating_add(2),
        None => rest.find([',', '}', ' ', '\t', '\r', '\n']).unwrap_or(rest.len()),
    };
    rest.get(..end)
}

fn has_escapes(raw: &[u8]) -> bool {
    memchr(b'\\', raw).is_some()
}

/// A word without regard to the case of its ASCII letters, sought by the rarest of its bytes.
#[derive(Debug)]
struct Folded<'a> {
    word: &'a [u8],
    rare: u8,
    at: usize,
}

impl<'a> Folded<'a> {
    /// `None` for the empty word, which everything mentions.
    fn new(word: &'a str) -> Option<Self> {
        // How common a byte is in tokens (base64url) and JSON.
        let rank = |b: u8| match b {
            b'.' => 1,
            b'-' | b'_' | b':' => 2,
            _ if b.is_ascii_digit() => 3,
            _ if b.is_ascii_alphabetic() => 4,
            _ => 0,
        };
        let word = word.as_bytes();
        let (at, rare) = word.iter().copied().enumerate().min_by_key(|(_, b)| rank(*b))?;
        Some(Self { word, rare, at })
    }

    fn is_in(&self, raw: &[u8]) -> bool {
        let (lower, upper) = (self.rare.to_ascii_lowercase(), self.rare.to_ascii_uppercase());
        if lower == upper {
            memchr_iter(lower, raw).any(|at| self.is_at(raw, at))
        } else {
            memchr2_iter(lower, upper, raw).any(|at| self.is_at(raw, at))
        }
    }

    fn is_at(&self, raw: &[u8], at: usize) -> bool {
        let start = at.checked_sub(self.at);
        let there = start.and_then(|start| raw.get(start..start.checked_add(self.word.len())?));
        there.is_some_and(|there| there.eq_ignore_ascii_case(self.word))
    }
}

#[cfg(test)]
mod tests {
    use super::{Sieve, may_have};

    #[test]
    fn lets_through_what_may_fit_and_not_much_else() {
        let raw = r#"{"target":"https://A.example/Read openid","realm":"T-1","secret":"x"}"#;
        for word in ["", "T-1", "https://A.example/Read", "{", "}"] {
            assert!(Sieve::default().word(word).passes(raw), "{word}");
        }
        for word in ["", "t-1", "HTTPS://a.EXAMPLE/rEAD", "OPENID", "{", "}", "x\"}"] {
            assert!(Sieve::default().word_in_any_case(word).passes(raw), "{word}");
        }
        for word in ["t-2", "https://a.example/readx", "x\"}}", "x{\"target"] {
            assert!(!Sieve::default().word_in_any_case(word).passes(raw), "{word}");
        }
        assert!(!Sieve::default().word("t-1").passes(raw));
        assert!(!Sieve::default().word("T-1").word_in_any_case("t-2").passes(raw));
        assert!(Sieve::default().word("a/b").passes(r#"{"target":"a\/b"}"#), "escapes are not looked into");
    }

    #[test]
    fn members_are_found_with_their_values() {
        let is = |raw, wanted| may_have(raw, "\"at\"", |value| value == wanted);
        assert!(is(r#"{"at":"5","b":1}"#, r#""5""#));
        assert!(is("{\"x\":{\"at\":4}, \"at\" :\n 5 }", "5"));
        assert!(is(r#"{"at":5}"#, "5"));
        assert!(!is(r#"{"at":"55"}"#, r#""5""#));
        assert!(!is(r#"{"b":"at"}"#, "5"));
        assert!(!is(r#"{"atx":5}"#, "5"));
        assert!(is(r#"{"\u0061t":5}"#, "5"), "escapes are not looked into");
    }
}
