//! What ties the question, the answer and the tokens of one sign-in together.

use alloc::string::String;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind};
use crate::secret::{CodeVerifier, Secret};
use crate::wire::jwt::AccountHints;

/// What ties question, answer and token together.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub(super) struct Transaction {
    pub(super) state: Secret,
    pub(super) nonce: Secret,
    pub(super) verifier: CodeVerifier,
    /// The very address that was sent, known once the listener is open.
    pub(super) redirect_uri: String,
}

/// The token is an answer to our question. Only [`NonceMatched::check`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NonceMatched(());

/// Bytes of randomness for each of state, nonce and verifier: 256 bits, 43 characters.
pub(super) const LENGTH: usize = 32;

impl Transaction {
    /// `None` when the world gave too little randomness: nothing weaker is ever used.
    pub(super) fn new(drawn: &[u8]) -> Option<Self> {
        let (state, rest) = drawn.split_first_chunk::<LENGTH>()?;
        let (nonce, rest) = rest.split_first_chunk::<LENGTH>()?;
        let (verifier, _) = rest.split_first_chunk::<LENGTH>()?;
        let text = |bytes: &[u8; LENGTH]| Secret::from(URL_SAFE_NO_PAD.encode(bytes));
        Some(Self {
            state: text(state),
            nonce: text(nonce),
            verifier: text(verifier).into(),
            redirect_uri: String::new(),
        })
    }

    /// S256 (RFC 7636 §4.2).
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose_secret()))
    }
}

impl NonceMatched {
    /// Whether the `nonce` of the id token is ours, compared in constant time.
    pub(super) fn check(hints: AccountHints, nonce: &Secret) -> Result<Self, Error> {
        match hints.nonce.map(Secret::from) {
            Some(told) if told == *nonce => Ok(Self(())),
            _ => Err(Error::new(
                ErrorKind::AuthenticationFailed,
                "the tokens are not an answer to this sign-in: their nonce is another one",
            )
            .advise("sign in again; if this happens again, somebody may be tampering with the sign-in")),
        }
    }
}
