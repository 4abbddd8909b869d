//! Where identifiers and token text come from.
//!
//! Nothing here is random: each piece of text is the SHA-256 of the seed and of a count, so that the same requests to
//! the same model give the same bytes, and two models with different seeds never give out the same token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// No access token is padded beyond this many characters, whatever the settings say.
const MAX_TOKEN_SIZE: usize = 1 << 20;

/// Counts what has been made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mint {
    count: u64,
}

impl Mint {
    fn next(&mut self, seed: u64) -> [u8; 32] {
        self.count += 1;
        let mut hash = Sha256::new();
        hash.update(seed.to_be_bytes());
        hash.update(self.count.to_be_bytes());
        hash.finalize().into()
    }

    /// An identifier in the form of a UUID.
    pub(crate) fn identifier(&mut self, seed: u64) -> String {
        uuid(self.next(seed))
    }

    /// An opaque refresh token.
    pub(crate) fn refresh_token(&mut self, seed: u64) -> String {
        self.opaque(seed, "1")
    }

    /// Opaque text for a code, after a mark of what it is.
    pub(crate) fn opaque(&mut self, seed: u64, mark: &str) -> String {
        let (one, two) = (self.next(seed), self.next(seed));
        format!("{mark}.{}.{}", encode(one), encode(two))
    }

    /// A code for a person to type, of the letters that RFC 8628 §6.1 proposes: no vowels, so no words, and none
    /// that is easily taken for another.
    pub(crate) fn user_code(&mut self, seed: u64) -> String {
        const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
        let letters = self.next(seed).map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
        let (one, two): (String, String) = (letters[..4].iter().collect(), letters[4..8].iter().collect());
        format!("{one}-{two}")
    }

    /// An access token in the form of a JWT, at least `size` characters long.
    ///
    /// Its header names an algorithm that no verifier knows; its signature is padding.
    pub(crate) fn access_token(&mut self, seed: u64, claims: &Value, size: usize) -> String {
        let mut block = self.next(seed);
        let mut token = segments("EMULATOR", claims);
        token.push_str(&encode(block));
        while token.len() < size.min(MAX_TOKEN_SIZE) {
            block = Sha256::digest(block).into();
            token.push_str(&encode(block));
        }
        token
    }
}

/// An ID token with the algorithm `none` and so without a signature (RFC 7519 §6).
pub(crate) fn id_token(claims: &Value) -> String {
    segments("none", claims)
}

/// Header and claims of a JWT, each followed by a dot.
fn segments(algorithm: &str, claims: &Value) -> String {
    let header = serde_json::json!({ "alg": algorithm, "typ": "JWT" });
    format!("{}.{}.", encode(header.to_string()), encode(claims.to_string()))
}

/// An identifier that is always the same for the same words: of a user, of a tenant.
pub(crate) fn lasting_identifier(words: &[&str]) -> String {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word.to_lowercase());
        hash.update([0]);
    }
    uuid(hash.finalize().into())
}

/// Base64url without padding (RFC 4648 §5).
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What a token is remembered by, so that the model keeps no token text.
pub(crate) fn fingerprint(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The first 16 bytes in the form of a version 4 UUID (RFC 9562 §5.4).
fn uuid(digest: [u8; 32]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in digest.iter().take(16).enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let byte = match index {
            6 => byte & 0x0f | 0x40,
            8 => byte & 0x3f | 0x80,
            _ => *byte,
        };
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// The identifier of a tenant: itself if it is a UUID already, else one derived from its name.
pub(crate) fn tenant_identifier(tenant: &str) -> String {
    let shape = |(index, byte): (usize, u8)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    if tenant.len() == 36 && tenant.bytes().enumerate().all(shape) {
        tenant.to_ascii_lowercase()
    } else {
        lasting_identifier(&["tenant", tenant])
    }
}
