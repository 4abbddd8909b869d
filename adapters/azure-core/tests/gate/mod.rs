//! An authority without a network: a transport that answers when it is told to.

// Each test uses a part of it.
#![allow(dead_code)]

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use azlatch_azure_core::AzureCore;
use azure_core::Bytes;
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, HttpClient, Request, StatusCode, Transport};
use tokio::sync::Semaphore;

/// The transport. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<State>);

#[derive(Debug)]
struct State {
    way: Semaphore,
    came: Semaphore,
    requests: AtomicUsize,
    last: Mutex<String>,
}

impl Gate {
    /// One that everybody passes.
    pub(crate) fn open() -> Self {
        Self::new(Semaphore::MAX_PERMITS)
    }

    /// One where requests wait.
    pub(crate) fn shut() -> Self {
        Self::new(0)
    }

    fn new(permits: usize) -> Self {
        let (way, came) = (Semaphore::new(permits), Semaphore::new(0));
        Self(Arc::new(State { way, came, requests: AtomicUsize::default(), last: Mutex::default() }))
    }

    /// Lets whoever waits through, and all who come after.
    pub(crate) fn let_through(&self) {
        self.0.way.add_permits(1000);
    }

    /// Waits until a request has come.
    pub(crate) async fn someone(&self) {
        self.0.came.acquire().await.expect("never closed").forget();
    }

    /// How many requests have come.
    pub(crate) fn requests(&self) -> usize {
        self.0.requests.load(SeqCst)
    }

    /// Address and body of the last.
    pub(crate) fn last(&self) -> String {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// azure_core with this transport.
    pub(crate) fn core(&self) -> AzureCore {
        AzureCore::over(Transport::new(Arc::new(self.clone())))
    }
}

#[async_trait]
impl HttpClient for Gate {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let body = Bytes::from(request.body());
        let seen = format!("{} {}", request.url(), String::from_utf8_lossy(&body));
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        let number = self.0.requests.fetch_add(1, SeqCst);
        self.0.came.add_permits(1);
        self.0.way.acquire().await.expect("never closed").forget();
        let token = format!(r#"{{"access_token":"token-{number}","token_type":"Bearer","expires_in":3599}}"#);
        Ok(AsyncRawResponse::from_bytes(StatusCode::Ok, Headers::new(), token))
    }
}
