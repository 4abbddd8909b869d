//! Which endpoint a request is for.

use super::http::Request;

/// An endpoint of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// `/_emulator/…`: the rest of the path.
    Control(&'a str),
    /// `/{tenant}/oauth2/v2.0/token`, with any method: Entra answers a GET too, with an error of its own.
    Token { tenant: &'a str },
    /// `GET /common/discovery/instance`.
    Instance,
    /// `GET /{tenant}/v2.0/.well-known/openid-configuration`.
    Configuration { tenant: &'a str },
    /// `GET /{tenant}/discovery/v2.0/keys`.
    Keys,
    /// Anything else.
    Other,
}

impl<'a> Route<'a> {
    pub(crate) fn of(request: &'a Request) -> Self {
        if let Some(rest) = request.path.strip_prefix("/_emulator/") {
            return Route::Control(rest);
        }
        let get = request.method == "GET";
        let segments: Vec<&str> = request.path.split('/').skip(1).collect();
        match segments[..] {
            [tenant, "oauth2", "v2.0", "token"] => Route::Token { tenant },
            ["common", "discovery", "instance"] if get => Route::Instance,
            [tenant, "v2.0", ".well-known", "openid-configuration"] if get => Route::Configuration { tenant },
            [_, "discovery", "v2.0", "keys"] if get => Route::Keys,
            _ => Route::Other,
        }
    }

    /// Is it one of the endpoints that describe the others?
    pub(crate) fn is_discovery(&self) -> bool {
        matches!(self, Route::Instance | Route::Configuration { .. } | Route::Keys)
    }
}
