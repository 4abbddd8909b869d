//! Redirects of requests that carry tokens: a new conversation within the site, bare to any other.

use http::header::{CONTENT_LENGTH, COOKIE, LOCATION, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, Response, StatusCode, Uri};
use ureq::Error;
use url::Url;

use super::exchange::carries_body;

/// Where a redirect leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// To the same scheme, host and port.
    Within,
    /// To another site.
    Out,
}

/// Whether `response` is a redirect that can be followed.
pub(super) fn is_redirect<B>(response: &Response<B>) -> bool {
    matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) && response.headers().contains_key(LOCATION)
}

/// Makes `parts` those of the request that `response` redirects to; like ureq's, it has no body.
///
/// # Errors
///
/// `RedirectFailed` when the redirect would have to carry the body or repeat a deletion, or leads nowhere.
pub(super) fn follow<B>(parts: &mut Parts, response: &Response<B>) -> Result<Leads, Error> {
    let target = target(&parts.uri, response).ok_or(Error::RedirectFailed)?;
    let status = response.status();
    if matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
        if carries_body(&parts.method) || parts.method == Method::DELETE {
            return Err(Error::RedirectFailed);
        }
    } else if parts.method != Method::HEAD {
        parts.method = Method::GET;
    }
    for name in [COOKIE, CONTENT_LENGTH, TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    let leads = if site(&parts.uri) == site(&target) { Leads::Within } else { Leads::Out };
    parts.uri = target;
    Ok(leads)
}

fn target<B>(from: &Uri, response: &Response<B>) -> Option<Uri> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let mut url = Url::parse(&from.to_string()).ok()?.join(location).ok()?;
    url.set_fragment(None);
    url.as_str().parse().ok()
}

/// Scheme, host and port; `None`, which equals no other, when they cannot be told.
fn site(uri: &Uri) -> Option<(String, String, u16)> {
    let url = Url::parse(&uri.to_string()).ok()?;
    Some((url.scheme().to_owned(), url.host_str()?.to_owned(), url.port_or_known_default()?))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn redirect(method: &str, status: u16, location: &str) -> (Result<Leads, bool>, String) {
        let request = Request::builder().method(method).uri("https://a.example/b/c?d").body(()).expect("a request");
        let (mut parts, ()) = request.into_parts();
        let response = Response::builder().status(status).header("location", location).body(()).expect("a response");
        let leads = follow(&mut parts, &response).map_err(|error| matches!(error, Error::RedirectFailed));
        (leads, format!("{} {}", parts.method, parts.uri))
    }

    #[test]
    fn redirects_stay_within_the_site_or_lead_out_of_it() {
        for (location, leads, to) in [
            ("/x", Leads::Within, "GET https://a.example/x"),
            ("x?y#z", Leads::Within, "GET https://a.example/b/x?y"),
            ("https://A.example:443/", Leads::Within, "GET https://a.example/"),
            ("https://a.example:444/", Leads::Out, "GET https://a.example:444/"),
            ("http://a.example/", Leads::Out, "GET http://a.example/"),
            ("//b.example/", Leads::Out, "GET https://b.example/"),
            ("https://a.example.b.example/", Leads::Out, "GET https://a.example.b.example/"),
            ("https:\\\\b.example/", Leads::Out, "GET https://b.example/"),
        ] {
            assert_eq!(redirect("GET", 302, location), (Ok(leads), to.to_owned()), "{location}");
        }
    }

    #[test]
    fn methods_change_as_ureq_changes_them() {
        for (method, status, expected) in [
            ("GET", 307, Some("GET")),
            ("HEAD", 301, Some("HEAD")),
            ("POST", 303, Some("GET")),
            ("DELETE", 302, Some("GET")),
            ("POST", 307, None),
            ("PUT", 308, None),
            ("DELETE", 308, None),
            ("OPTIONS", 307, Some("OPTIONS")),
        ] {
            let (leads, request) = redirect(method, status, "/x");
            match expected {
                Some(expected) => assert_eq!(request, format!("{expected} https://a.example/x"), "{method} {status}"),
                None => assert_eq!(leads, Err(true), "{method} {status}"),
            }
        }
    }
}
