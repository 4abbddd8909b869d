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
    /// `/{tenant}/oauth2/v2.0/authorize`, by GET or as a form (OpenID Connect Core §3.1.2.1).
    Authorize { tenant: &'a str },
    /// `POST /{tenant}/login`: what the pages of a sign-in send.
    SignIn,
    /// `/{tenant}/oauth2/v2.0/devicecode`, with any method, as for the token endpoint.
    DeviceCode { tenant: &'a str },
    /// `/devicelogin`, the page to type a user code on.
    DeviceLogin,
    /// `GET /common/userrealm/{name}`: the name as sent.
    Realm(&'a str),
    /// Anything else.
    Other,
}

impl<'a> Route<'a> {
    pub(crate) fn of(request: &'a Request) -> Self {
        if let Some(rest) = request.path.strip_prefix("/_emulator/") {
            return Route::Control(rest);
        }
        let get = request.method == "GET";
        let post = request.method == "POST";
        let segments: Vec<&str> = request.path.split('/').skip(1).collect();
        match segments[..] {
            [tenant, "oauth2", "v2.0", "token"] => Route::Token { tenant },
            ["common", "discovery", "instance"] if get => Route::Instance,
            [tenant, "v2.0", ".well-known", "openid-configuration"] if get => Route::Configuration { tenant },
            [_, "discovery", "v2.0", "keys"] if get => Route::Keys,
            [tenant, "oauth2", "v2.0", "authorize"] if get || post => Route::Authorize { tenant },
            [_, "login"] if post => Route::SignIn,
            [tenant, "oauth2", "v2.0", "devicecode"] => Route::DeviceCode { tenant },
            ["devicelogin"] if get || post => Route::DeviceLogin,
            ["common", "userrealm", name] if get => Route::Realm(name),
            _ => Route::Other,
        }
    }

    /// Is it one of the endpoints that describe others, or the home of a user?
    pub(crate) fn is_discovery(&self) -> bool {
        matches!(self, Route::Instance | Route::Configuration { .. } | Route::Keys | Route::Realm(_))
    }

    /// Is it one that a sign-in goes through before the token endpoint?
    pub(crate) fn is_sign_in(&self) -> bool {
        self.is_page() || matches!(self, Route::DeviceCode { .. })
    }

    /// Does it answer with pages, for the browser of a user?
    pub(crate) fn is_page(&self) -> bool {
        matches!(self, Route::Authorize { .. } | Route::SignIn | Route::DeviceLogin)
    }
}
