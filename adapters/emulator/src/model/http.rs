//! Requests and answers as the model sees them, and how an answer is to be delivered.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use url::form_urlencoded;

/// An HTTP request, read to its end.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path as sent, without the query.
    pub path: String,
    /// The query, decoded, in the order sent.
    pub query: Vec<(String, String)>,
    /// The headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers or body; what follows a `?` in `target` becomes the query.
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: pairs(query.as_bytes()),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A POST of form fields, as token requests are (RFC 6749 §3.2).
    pub fn form(target: &str, fields: &[(&str, &str)]) -> Self {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        Request { body: body.finish().into_bytes(), ..Request::new("POST", target) }
            .with_header("content-type", "application/x-www-form-urlencoded")
    }

    /// A POST of JSON text, as the control endpoints take it.
    pub fn json(target: &str, text: &str) -> Self {
        Request { body: text.as_bytes().to_vec(), ..Request::new("POST", target) }
            .with_header("content-type", "application/json")
    }

    /// The same request with one header more.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// The value of the first header called `name` (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The value of the first query parameter called `name`, unless it is empty.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        find(&self.query, name).filter(|value| !value.is_empty())
    }

    /// The fields of a form body, in order; none if the body says it is something else.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let kind = self.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") { pairs(&self.body) } else { Vec::new() }
    }
}

/// Splits form text into decoded pairs.
pub(crate) fn pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

impl fmt::Debug for Request {
    /// Names the endpoint and the size only: query, headers and body may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// An HTTP answer and the way to deliver it.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status; 0 if [`conduct`](Self::conduct) means that no answer of this model is sent.
    pub status: u16,
    /// The headers; names in lower case. `content-length` is left to the server.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How to deliver it.
    pub conduct: Conduct,
}

/// How the server delivers an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Conduct {
    /// At once.
    Prompt,
    /// After waiting this long.
    Delayed(Duration),
    /// Not at all: close the connection, though the request has been processed.
    Reset,
    /// Not at all: close the connection; the request has not been processed.
    ResetBefore,
    /// Send all headers but only this many bytes of the body, then close.
    Truncated(usize),
    /// One byte at a time, with this pause after each.
    Drip(Duration),
    /// Not at all, and leave the connection open.
    Silent,
    /// Send these bytes in place of an HTTP answer, then close.
    Raw(Vec<u8>),
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Answer {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
            conduct: Conduct::Prompt,
        }
    }

    pub(crate) fn json(status: u16, value: &serde_json::Value) -> Self {
        Answer::new(status, JSON, value.to_string())
    }

    /// The answer for a path at which nothing is.
    pub(crate) fn missing() -> Self {
        let text = "The emulator has no such endpoint.";
        let json = serde_json::json!({ "error": "not_found", "error_description": text });
        Answer::json(404, &json)
    }

    /// No answer, but `conduct` in place of it.
    pub(crate) fn unsent(conduct: Conduct) -> Self {
        Answer { status: 0, headers: Vec::new(), body: Vec::new(), conduct }
    }

    /// The value of the first header called `name` (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The body as text.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// The content type of Entra's answers.
pub(crate) const JSON: &str = "application/json; charset=utf-8";

impl fmt::Debug for Answer {
    /// Leaves out the body, which may hold tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("conduct", &self.conduct)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
