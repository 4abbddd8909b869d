//! HTTP and rest over azure_core.

use std::pin::{Pin, pin};
use std::task::Poll;

use azlatch_core::AsyncHost;
use azlatch_core::effect::{Effect, Failure, FailureKind, Http, Method, Reply, Response, Sent};
use azlatch_core::secret::Secret;
use azure_core::Bytes;
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{self, AsyncRawResponse, AsyncResponseBody, Context, Request, Transport, Url};
use futures_core::Stream as _;

use crate::failure;
use crate::runtime::{AzureCore, sleep};

/// Answers [`Http`] and [`Wait`](azlatch_core::effect::Wait).
#[derive(Clone, Debug)]
pub struct Driver(AzureCore);

impl Driver {
    pub(crate) const fn new(core: AzureCore) -> Self {
        Self(core)
    }

    async fn send(&self, ask: &Http) -> Result<Response, Failure> {
        let route = ask.route()?;
        let transport =
            self.0.way(route, ask.proxy).ok_or_else(|| Failure::refused("no transport is known to use no proxy"))?;
        let mut request = request(ask)?;
        let mut timer = sleep(ask.timeout);
        let mut exchange = pin!(exchange(transport, &mut request, ask.limit));
        std::future::poll_fn(|context| match exchange.as_mut().poll(context) {
            Poll::Ready(outcome) => Poll::Ready(outcome),
            // How far it has come, the transport does not tell.
            Poll::Pending => timer
                .as_mut()
                .poll(context)
                .map(|()| Err(Failure { sent: Sent::Maybe, kind: FailureKind::Timeout, detail: String::new() })),
        })
        .await
    }
}

impl AsyncHost for Driver {
    async fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        match effect {
            Effect::Http(ask) => {
                let answer = self.send(&ask.op).await;
                Ok(ask.answer(answer))
            }
            Effect::Wait(ask) => {
                sleep(ask.op.span).await;
                Ok(ask.answer(()))
            }
            other => Err(other),
        }
    }
}

/// `ask` in azure_core's words.
fn request(ask: &Http) -> Result<Request, Failure> {
    let url = Url::parse(&ask.url).map_err(|_| Failure::refused("the address is not a URL"))?;
    let method = match ask.method {
        Method::Get => http::Method::Get,
        Method::Post => http::Method::Post,
    };
    let mut request = Request::new(url, method);
    request.insert_header("user-agent", concat!("azlatch/", env!("CARGO_PKG_VERSION")));
    for header in &ask.headers {
        request.insert_header(header.name, header.value.expose_secret().to_owned());
    }
    match &ask.body {
        Some(body) if !body.expose_secret().is_empty() => request.set_body(Bytes::from_owner(Owned(body.clone()))),
        // A POST says even of nothing how long it is (RFC 9110 §8.6); HTTP clients may not.
        _ if ask.method == Method::Post => request.insert_header("content-length", "0"),
        _ => {}
    }
    Ok(request)
}

/// A request's body, wiped when the transport is done with it.
struct Owned(Secret<[u8]>);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

async fn exchange(transport: &Transport, request: &mut Request, limit: usize) -> Result<Response, Failure> {
    let answer = transport.send(&Context::new(), request).await;
    let (status, headers, body) = answer.map(AsyncRawResponse::deconstruct).map_err(|error| failure::from(&error))?;
    let body = receive(body, limit, announced(&headers)).await?;
    let headers = headers.iter().filter(|(_, value)| is_field_value(value.as_str())).map(field).collect();
    Ok(Response::new(status.into(), headers, body))
}

/// The whole body; more than `limit` bytes are not waited for.
async fn receive(mut body: AsyncResponseBody, limit: usize, announced: Option<usize>) -> Result<Vec<u8>, Failure> {
    let too_large =
        || Failure { sent: Sent::Maybe, kind: FailureKind::TooLarge, detail: format!("more than {limit} bytes") };
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    // Growing would leave copies behind that nobody wipes.
    let mut whole = Vec::with_capacity(announced.unwrap_or_default());
    while let Some(chunk) = std::future::poll_fn(|context| Pin::new(&mut body).poll_next(context)).await {
        // Something is there, so the request was sent whatever the transport calls the trouble.
        let chunk = chunk.map_err(|error| Failure { sent: Sent::Maybe, ..failure::from(&error) })?;
        if chunk.len() > limit - whole.len() {
            return Err(too_large());
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}

/// How long the body is, if its length is told and it is not packed.
fn announced(headers: &Headers) -> Option<usize> {
    if headers.get_optional_str(&HeaderName::from_static("content-encoding")).is_some() {
        return None;
    }
    headers.get_optional_str(&HeaderName::from_static("content-length"))?.parse().ok()
}

fn field((name, value): (&HeaderName, &HeaderValue)) -> (String, String) {
    (name.as_str().to_ascii_lowercase(), value.as_str().to_owned())
}

/// Visible ASCII, spaces and tabs (RFC 9110 §5.5, without its obsolete bytes).
fn is_field_value(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t'))
}
