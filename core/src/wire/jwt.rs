//! Reading `client_info` and id tokens: hints about the account, never proof of anything.
//!
//! The id token comes straight from the token endpoint over TLS, which is why OpenID Connect Core §3.1.3.7 lets a
//! client skip its signature. What is read here names an account and finds cache entries; it authorizes nothing.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::json::Object;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// Bytes of base64 in either alphabet, padded or not.
#[must_use]
pub fn base64(text: &str) -> Option<Vec<u8>> {
    URL_SAFE.decode(text).or_else(|_| STANDARD.decode(text)).ok()
}

/// `client_info`: which account, in which home tenant (`uid`, `utid`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// The account's id in its home tenant.
    pub uid: String,
    /// The home tenant's id.
    pub utid: String,
}

impl ClientInfo {
    /// Reads the base64url JSON of a token answer.
    #[must_use]
    pub fn parse(encoded: &str) -> Option<Self> {
        let bytes = base64(encoded)?;
        let object = Object::parse(core::str::from_utf8(&bytes).ok()?).ok()?;
        let uid = object.text("uid")?.into_owned();
        let utid = object.text("utid").map_or_else(|| uid.clone(), |utid| utid.into_owned());
        Some(Self { uid, utid })
    }

    /// `uid.utid`, the home account id.
    #[must_use]
    pub fn home_account_id(&self) -> String {
        let mut id = self.uid.clone();
        id.push('.');
        id.push_str(&self.utid);
        id
    }
}

/// The members of an id token that name an account (all optional, all unverified).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountHints {
    /// `oid`, else `sub`.
    pub local_account_id: Option<String>,
    /// `sub`.
    pub sub: Option<String>,
    /// `tid`.
    pub tenant: Option<String>,
    /// `preferred_username`, else `upn`.
    pub username: Option<String>,
    /// `name`.
    pub name: Option<String>,
    /// `iss`: who issued the token.
    pub issuer: Option<String>,
    /// `nonce`, as the authorization request named it.
    pub nonce: Option<String>,
    /// `aud`: the applications that the token is for.
    pub audience: Vec<String>,
}

impl AccountHints {
    /// Reads the payload of an id token; `None` when it is no JWT.
    #[must_use]
    pub fn parse(id_token: &str) -> Option<Self> {
        let mut parts = id_token.split('.');
        let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        let bytes = base64(payload)?;
        let object = Object::parse(core::str::from_utf8(&bytes).ok()?).ok()?;
        let text = |name| object.text(name).map(|t| t.into_owned());
        Some(Self {
            local_account_id: text("oid").or_else(|| text("sub")),
            sub: text("sub"),
            tenant: text("tid"),
            username: text("preferred_username").or_else(|| text("upn")),
            name: text("name"),
            issuer: text("iss"),
            nonce: text("nonce"),
            audience: match object.raw("aud") {
                Some(raw) => match super::json::text(raw) {
                    Some(one) => Vec::from([one.into_owned()]),
                    None => {
                        let many = super::json::items(raw).unwrap_or_default();
                        many.into_iter().filter_map(super::json::text).map(|t| t.into_owned()).collect()
                    }
                },
                None => Vec::new(),
            },
        })
    }
}
