//! What a request asks for: access to resources, and kinds of tokens.

/// What a request without scopes of a resource is for.
const DEFAULT_SCOPE: &str = "https://graph.microsoft.com/.default";

/// Scopes that ask for kinds of tokens, not for access to a resource (OpenID Connect Core §5.4, §11).
const OPENID_SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// What a user's client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The scopes of resources; never none.
    pub(crate) scopes: Vec<String>,
    /// Whether an ID token is asked for.
    pub(crate) openid: bool,
    /// Whether a refresh token is asked for.
    pub(crate) offline: bool,
}

impl Wish {
    /// The wish of a request at the token endpoint, after one at another endpoint that asked for `before`: the
    /// scopes of resources may be others now, the kinds of tokens add up.
    pub(crate) fn of(now: Option<&str>, before: &str) -> Self {
        let now = now.unwrap_or_default();
        let mut scopes = resource_scopes(now);
        if scopes.is_empty() {
            scopes = resource_scopes(before);
        }
        if scopes.is_empty() {
            scopes.push(DEFAULT_SCOPE.to_owned());
        }
        let asked = |name| now.split_ascii_whitespace().chain(before.split_ascii_whitespace()).any(|s| s == name);
        Wish { scopes, openid: asked("openid"), offline: asked("offline_access") }
    }
}

/// The scopes of `text` that are those of resources.
pub(crate) fn resource_scopes(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().filter(|scope| !OPENID_SCOPES.contains(scope)).map(str::to_owned).collect()
}

/// The resource that a scope belongs to; a bare name is one of Microsoft Graph.
pub(crate) fn resource(scope: &str) -> &str {
    scope.rsplit_once('/').map_or("https://graph.microsoft.com", |(resource, _)| resource)
}
