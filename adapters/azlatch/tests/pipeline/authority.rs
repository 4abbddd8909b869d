//! An authority in memory that mints `token-0`, `token-1`, … and remembers what it was asked.

use std::sync::{Arc, Mutex};

use azlatch::Adapters;
use azlatch_core::Host;
use azlatch_core::effect::{Effect, Reply, Response};

#[derive(Clone, Default)]
pub(crate) struct Authority(Arc<Mutex<Vec<String>>>);

impl Host for Authority {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        let Effect::Http(ask) = effect else { return Err(effect) };
        let form = ask.op.body.as_ref().map(|body| String::from_utf8_lossy(body.expose_secret()).into_owned());
        let mut asked = self.0.lock().expect("no panic");
        let token = format!(r#"{{"access_token":"token-{}","expires_in":3599}}"#, asked.len());
        asked.push(format!("{} {}", ask.op.url, form.unwrap_or_default()));
        Ok(ask.answer(Ok(Response::new(200, Vec::new(), token.as_bytes()))))
    }
}

impl Authority {
    /// Address and form of each token request.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }

    pub(crate) fn adapters(&self) -> Adapters {
        Adapters::in_environment([("HOME", "/nonexistent")].into_iter().collect()).expect("adapters").http(self.clone())
    }
}
