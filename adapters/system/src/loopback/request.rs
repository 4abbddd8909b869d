//! Bytes to judgements: whether what has arrived so far is the answer waited for. Pure; the parsing is `httparse`'s.

use azlatch_core::effect::Redirect;
use azlatch_core::secret::Secret;
use httparse::{Error, Header, Status};
use url::form_urlencoded;

/// The most that head and body of a request may hold together, in bytes.
pub(crate) const LIMIT: usize = 64 * 1024;
/// The most header fields of a request.
const HEADERS: usize = 100;

/// What the right answer looks like.
pub(crate) struct Expected {
    pub(crate) port: u16,
    pub(crate) path: String,
    pub(crate) state: Secret,
}

/// What the bytes so far amount to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// The request has not ended yet.
    Unfinished,
    /// The answer waited for.
    Right(Redirect),
    /// Something else.
    Refused(Refused),
}

/// How something else is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) why: &'static str,
    /// Whether the answer may have a body: not to HEAD, not for 204 (RFC 9110 §9.3.2, §15.3.5).
    pub(crate) with_body: bool,
}

const fn refused(status: u16, why: &'static str) -> Judged {
    Judged::Refused(Refused { status, why, with_body: true })
}

impl Expected {
    /// Judges the bytes of a connection, from its first one.
    pub(crate) fn judge(&self, bytes: &[u8]) -> Judged {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let head = match request.parse(bytes) {
            Ok(Status::Complete(head)) if head <= LIMIT => head,
            Ok(Status::Partial) if bytes.len() < LIMIT => return Judged::Unfinished,
            Ok(_) | Err(Error::TooManyHeaders) => return refused(413, "The request is too large."),
            Err(_) => return refused(400, "The request cannot be read."),
        };
        let (Some(method), Some(target)) = (request.method, request.path) else {
            return refused(400, "The request cannot be read.");
        };
        let headers: &[Header<'_>] = request.headers;
        // A page elsewhere whose name was made to lead here still gives its own name (DNS rebinding).
        if !only(headers, "host").is_some_and(|host| self.is_ours(host)) {
            return refused(400, "The request is for another host.");
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let form = match method {
            _ if path == "/favicon.ico" && self.path != path => {
                return Judged::Refused(Refused { status: 204, why: "", with_body: false });
            }
            "HEAD" => return Judged::Refused(Refused { status: 405, why: "", with_body: false }),
            _ if path != self.path => return refused(404, "There is nothing at this address."),
            "GET" => query.as_bytes(),
            "POST" => match body(headers, bytes.get(head..).unwrap_or_default(), LIMIT - head) {
                Ok(body) => body,
                Err(judged) => return judged,
            },
            _ => return refused(405, "This method is not used here."),
        };
        self.open(form)
    }

    /// Whether `host` is what a browser says when it means this listener.
    fn is_ours(&self, host: &[u8]) -> bool {
        ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| {
            let with_port = format!("{name}:{}", self.port);
            host.eq_ignore_ascii_case(with_port.as_bytes())
                || (self.port == 80 && host.eq_ignore_ascii_case(name.as_bytes()))
        })
    }

    /// Takes the parameters out of a query or form, if they carry our `state`, once (RFC 6749 §10.12, §3.1).
    fn open(&self, form: &[u8]) -> Judged {
        let parameters: Vec<(String, Secret)> = form_urlencoded::parse(form)
            .map(|(name, value)| (name.into_owned(), Secret::from(value.into_owned())))
            .collect();
        let mut states = parameters.iter().filter(|(name, _)| name == "state");
        match (states.next(), states.next()) {
            (Some((_, state)), None) if *state == self.state => Judged::Right(Redirect { parameters }),
            _ => refused(400, "This answer belongs to another sign-in."),
        }
    }
}

/// The value of the only header field of this name; `None` when there is none, or more.
fn only<'h>(headers: &[Header<'h>], name: &str) -> Option<&'h [u8]> {
    let mut found = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    match (found.next(), found.next()) {
        (Some(header), None) => Some(header.value.trim_ascii()),
        _ => None,
    }
}

/// The posted form, when it has arrived: of the length declared, since browsers declare one.
fn body<'b>(headers: &[Header<'_>], arrived: &'b [u8], room: usize) -> Result<&'b [u8], Judged> {
    let media = only(headers, "content-type").and_then(|media| media.split(|b| *b == b';').next());
    if !media.is_some_and(|media| media.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")) {
        return Err(refused(415, "What was posted is not a form."));
    }
    if headers.iter().any(|header| header.name.eq_ignore_ascii_case("transfer-encoding")) {
        return Err(refused(411, "The request does not say how long it is."));
    }
    let Some(length) = only(headers, "content-length") else {
        return Err(refused(411, "The request does not say how long it is."));
    };
    if length.is_empty() || !length.iter().all(u8::is_ascii_digit) {
        return Err(refused(400, "The request cannot be read."));
    }
    // All digits: what does not parse is beyond any room.
    let length = str::from_utf8(length).ok().and_then(|digits| digits.parse().ok()).unwrap_or(usize::MAX);
    if length > room {
        return Err(refused(413, "The request is too large."));
    }
    arrived.get(..length).ok_or(Judged::Unfinished)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "GET /back?code=c%2B1&state=s HTTP/1.1\r\nHost: localhost:8400\r\n\r\n";
    const POST: &str = "POST /back HTTP/1.1\r\nHost: [::1]:8400\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: 16\r\n\r\ncode=c+1&state=s";

    fn judge(bytes: &str) -> Judged {
        Expected { port: 8400, path: "/back".to_owned(), state: "s".into() }.judge(bytes.as_bytes())
    }

    fn parameters(judged: Judged) -> Vec<(String, String)> {
        let Judged::Right(redirect) = judged else { panic!("{judged:?}") };
        redirect.parameters.into_iter().map(|(name, value)| (name, value.expose_secret().to_owned())).collect()
    }

    #[test]
    fn the_right_answer_is_a_query_or_a_form() {
        let expected = |code: &str| [("code".to_owned(), code.to_owned()), ("state".to_owned(), "s".to_owned())];
        assert_eq!(parameters(judge(GOOD)), expected("c+1"));
        assert_eq!(parameters(judge(POST)), expected("c 1"));
        let denied = "GET /back?error=access_denied&state=s HTTP/1.1\r\nhost: LOCALHOST:8400\r\n\r\npipelined garbage";
        assert_eq!(parameters(judge(denied))[0].1, "access_denied");
    }

    #[test]
    fn an_answer_that_has_not_ended_is_waited_for() {
        for whole in [GOOD, POST] {
            for end in 0..whole.len() {
                assert_eq!(judge(&whole[..end]), Judged::Unfinished, "{end}");
            }
        }
    }

    #[test]
    fn a_05_whatever_else_comes_is_refused() {
        for (from, to, status) in [
            ("localhost:8400", "evil.example:8400", 400),
            ("localhost:8400", "localhost:8401", 400),
            ("localhost:8400", "localhost", 400),
            ("localhost:8400", "localhost.:8400", 400),
            ("localhost:8400", "127.0.0.1.nip.io:8400", 400),
            ("Host", "X-Host", 400),
            ("\r\n\r\n", "\r\nHost: localhost:8400\r\n\r\n", 400),
            ("/back", "/", 404),
            ("/back", "/back/", 404),
            ("/back", "//back", 404),
            ("/back", "http://localhost:8400/back", 404),
            ("GET /back", "GET /favicon.ico", 204),
            ("GET", "HEAD", 405),
            ("GET", "OPTIONS", 405),
            ("GET", "PUT", 405),
            ("GET", "get", 405),
            ("GET", "POST", 415),
            ("state=s", "state=S", 400),
            ("state=s", "state=", 400),
            ("state=s", "State=s", 400),
            ("state=s", "state=s&state=s", 400),
            ("&state=s", "", 400),
            ("?code", "#code", 404),
            ("HTTP/1.1", "HTTP/9", 400),
            ("GET ", "\u{16}\u{3}\u{1}", 400),
        ] {
            let Judged::Refused(refused) = judge(&GOOD.replacen(from, to, 1)) else { panic!("{from} -> {to}") };
            assert_eq!(refused.status, status, "{from} -> {to}");
            assert_eq!(refused.with_body, status != 204 && to != "HEAD", "{from} -> {to}");
        }
        for (from, to, status) in [
            ("application/x-www-form-urlencoded", "text/plain", 415),
            ("Content-Type", "X-Type", 415),
            ("Content-Length: 16", "X: 1", 411),
            ("Content-Length: 16", "Content-Length: 16\r\nContent-Length: 17", 411),
            ("Content-Length: 16", "Transfer-Encoding: chunked\r\nContent-Length: 16", 411),
            ("Content-Length: 16", "Content-Length: +16", 400),
            ("Content-Length: 16", "Content-Length: 70000", 413),
            ("Content-Length: 16", "Content-Length: 99999999999999999999999", 413),
            ("Content-Length: 16", "Content-Length: 15", 400),
        ] {
            let Judged::Refused(refused) = judge(&POST.replacen(from, to, 1)) else { panic!("{from} -> {to}") };
            assert_eq!(refused.status, status, "{from} -> {to}");
        }
        let many = GOOD.replace("Host", &format!("{}Host", "X: 1\r\n".repeat(HEADERS)));
        let long = GOOD.replace("state", &format!("x={}&state", "y".repeat(LIMIT)));
        for large in [many, long] {
            assert_eq!(judge(&large), refused(413, "The request is too large."));
        }
    }
}
