//! The control endpoints under `/_emulator/`: how a test in another language looks at the emulator and scripts it.

use serde_json::{Value, json};

use super::http::{Answer, Request};
use super::{Entra, Entry, Fault};

impl Entra {
    /// Answers a control request; `rest` is the path after `/_emulator/`.
    pub(super) fn control(&mut self, rest: &str, request: &Request) -> Answer {
        let text = std::str::from_utf8(&request.body).map_err(|_| "not UTF-8".to_owned());
        let outcome = match (request.method.as_str(), rest) {
            ("GET", "counters") => Ok(self.counters.to_json()),
            ("GET", "log") => Ok(self.log().iter().map(Entry::to_json).collect()),
            ("GET", "settings") => Ok(self.settings.to_json()),
            ("POST", "settings") => text.and_then(|text| self.settings.changed(text)).map(|settings| {
                self.settings = settings;
                self.settings.to_json()
            }),
            ("POST", "fault") => text.and_then(Fault::parse).map(|fault| {
                self.script(fault);
                json!({ "pending_faults": self.pending_faults() })
            }),
            ("POST", "reset") => {
                self.reset();
                Ok(json!({}))
            }
            _ => return Answer::missing(),
        };
        match outcome {
            Ok(value) => Answer::json(200, &value),
            Err(text) => Answer::json(400, &complaint(&text)),
        }
    }
}

fn complaint(text: &str) -> Value {
    json!({ "error": "invalid_request", "error_description": text })
}
