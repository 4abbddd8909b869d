//! Bytes to requests and answers to bytes. The framing (RFC 9112) is done by `ureq-proto`.

use std::io::{self, Read, Write};

use ureq_proto::Error;
use ureq_proto::http::{self, HeaderName, HeaderValue, Response, StatusCode};
use ureq_proto::server::state::ProvideResponse;
use ureq_proto::server::{RecvRequestResult, Reply, SendResponseResult};

use crate::model::{Answer, Request};

const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 1024 * 1024;
const CHUNK: usize = 16 * 1024;

/// What came in over a connection.
pub(super) enum Received {
    /// A request, and what its answer is to be framed by.
    Request(Request, Box<Reply<ProvideResponse>>),
    /// Something that can only be answered with this status, after which the connection cannot go on.
    Unreadable(u16),
    /// The peer has gone.
    Closed,
}

/// Reads one request. What follows it stays in `buffer`.
pub(super) fn receive(stream: &mut (impl Read + Write), buffer: &mut Vec<u8>) -> io::Result<Received> {
    let mut reply = Reply::new().map_err(io::Error::other)?;
    let head = loop {
        match reply.try_request(buffer) {
            Ok((used, Some(_))) if used > MAX_HEAD => return Ok(Received::Unreadable(431)),
            Ok((used, Some(head))) => {
                buffer.drain(..used);
                break head;
            }
            Ok((_, None)) if buffer.len() > MAX_HEAD => return Ok(Received::Unreadable(431)),
            Ok((_, None)) => {}
            Err(Error::HttpParseTooManyHeaders) => return Ok(Received::Unreadable(431)),
            Err(_) => return Ok(Received::Unreadable(400)),
        }
        if !fill(stream, buffer)? {
            return Ok(Received::Closed);
        }
    };

    let length = head.headers().get(http::header::CONTENT_LENGTH);
    let declared: Option<usize> =
        length.and_then(|length| length.to_str().ok()).and_then(|length| length.trim().parse().ok());
    if declared.is_some_and(|declared| declared > MAX_BODY) {
        return Ok(Received::Unreadable(413));
    }
    let framed = length.is_some() || head.headers().contains_key(http::header::TRANSFER_ENCODING);
    let mut request = to_request(&head);

    let mut receiving = match reply.proceed() {
        None => return Ok(Received::Unreadable(400)),
        Some(RecvRequestResult::ProvideResponse(reply)) => {
            return Ok(Received::Request(request, Box::new(reply)));
        }
        Some(RecvRequestResult::RecvBody(receiving)) => receiving,
        Some(RecvRequestResult::Send100(reply)) => {
            let mut line = [0; 64];
            let (made, receiving) = reply.accept(&mut line).map_err(io::Error::other)?;
            stream.write_all(&line[..made])?;
            stream.flush()?;
            receiving
        }
    };
    if !framed {
        // A POST that declares no body has none (RFC 9112 §6.3), as `curl -X POST` sends it; the state machine
        // would wait for chunks, so it is shown the end of them.
        if receiving.read(b"0\r\n\r\n", &mut [0; 8]).is_err() {
            return Ok(Received::Unreadable(400));
        }
    }
    let mut chunk = vec![0; CHUNK];
    while !receiving.is_ended() {
        let Ok((used, made)) = receiving.read(buffer, &mut chunk) else {
            return Ok(Received::Unreadable(400));
        };
        buffer.drain(..used);
        request.body.extend_from_slice(&chunk[..made]);
        if request.body.len() > MAX_BODY {
            return Ok(Received::Unreadable(413));
        }
        if used == 0 && made == 0 && !receiving.is_ended() {
            if buffer.len() > MAX_HEAD {
                return Ok(Received::Unreadable(400));
            }
            if !fill(stream, buffer)? {
                return Ok(Received::Closed);
            }
        }
    }
    match receiving.proceed() {
        Ok(reply) => Ok(Received::Request(request, Box::new(reply))),
        Err(_) => Ok(Received::Unreadable(400)),
    }
}

/// Appends what has arrived; `false` at the end of the stream.
fn fill(stream: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let before = buffer.len();
    buffer.resize(before + CHUNK, 0);
    let outcome = loop {
        match stream.read(&mut buffer[before..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => break outcome,
        }
    };
    buffer.truncate(before + *outcome.as_ref().unwrap_or(&0));
    outcome.map(|read| read > 0)
}

fn to_request(head: &http::Request<()>) -> Request {
    let target = head.uri().path_and_query();
    let target = target.map_or(head.uri().path(), |target| target.as_str());
    let headers = head.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.as_str().to_owned(), value.into_owned())
    });
    Request { headers: headers.collect(), ..Request::new(head.method().as_str(), target) }
}

/// An answer as bytes.
pub(super) struct Rendered {
    pub(super) bytes: Vec<u8>,
    /// How many of the bytes come before the body.
    pub(super) head: usize,
    /// Whether the connection ends with it.
    pub(super) last: bool,
}

/// Frames an answer.
pub(super) fn render(reply: Reply<ProvideResponse>, answer: &Answer) -> Result<Rendered, Error> {
    // Whatever the model says, a client must be able to tell where the answer ends.
    let status = match answer.status {
        status @ 200..=999 => StatusCode::from_u16(status).unwrap_or_default(),
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let empty: &[u8] = &[];
    let bodiless = matches!(status.as_u16(), 204 | 304);
    let body = if bodiless { empty } else { &answer.body };

    let mut response = Response::new(());
    *response.status_mut() = status;
    for (name, value) in &answer.headers {
        // A fault may hold text that cannot stand in a header; it is left out.
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().append(name, value);
        }
    }
    if !bodiless {
        let length = HeaderValue::from(body.len());
        response.headers_mut().insert(http::header::CONTENT_LENGTH, length);
    }

    let mut reply = reply.provide(response)?;
    let mut bytes = Vec::new();
    let mut out = vec![0; MAX_HEAD];
    while !reply.is_finished() {
        let made = reply.write(&mut out)?;
        bytes.extend_from_slice(&out[..made]);
    }
    let head = bytes.len();
    let cleanup = match reply.proceed() {
        SendResponseResult::Cleanup(cleanup) => cleanup,
        SendResponseResult::SendBody(mut sending) => {
            let mut left = body;
            // An empty body takes one empty write to be over.
            while !sending.is_finished() {
                let (used, made) = sending.write(left, &mut out)?;
                bytes.extend_from_slice(&out[..made]);
                left = &left[used..];
            }
            sending.proceed()
        }
    };
    Ok(Rendered { bytes, head, last: cleanup.must_close_connection() })
}

/// Frames an answer to something that could not be read.
pub(super) fn render_unreadable(status: u16) -> Result<Rendered, Error> {
    // The state machine frames answers to requests only, so it is shown one.
    let mut reply = Reply::new()?;
    reply.try_request(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")?;
    let Some(RecvRequestResult::ProvideResponse(reply)) = reply.proceed() else {
        return Err(Error::BodyNotAllowed);
    };
    let mut answer = Answer::new(status, "text/plain; charset=utf-8", "unreadable request\n");
    let close = ("connection".to_owned(), "close".to_owned());
    answer.headers.push(close);
    render(reply, &answer)
}
