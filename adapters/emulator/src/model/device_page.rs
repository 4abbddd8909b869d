//! `/devicelogin`: the page on which a user types the code that a device shows (RFC 8628 §3.3).

use super::Entra;
use super::context::Context;
use super::fields::Fields;
use super::http::{Answer, Request};
use super::page;
use super::refusal::Refusal;
use super::sign_in::{Purpose, Step, Transaction};

impl Entra {
    pub(super) fn device_login(&mut self, context: &Context, request: &Request) -> Answer {
        let fields = match Fields::of_either(request) {
            Ok(fields) => fields,
            Err(refusal) => return page::refused(context, &refusal),
        };
        let code = fields.value("otc").unwrap_or_default();
        if request.method != "POST" {
            return page::user_code(code, None);
        }
        let Some((key, ask)) = self.waiting(code, Some(context.now)) else {
            let text = "That code did not work. Check it and try again.";
            let refusal = Refusal::invalid_request(70018, text);
            return page::user_code(code, Some(&refusal.notice()));
        };
        let transaction = Transaction {
            ask: ask.clone(),
            purpose: Purpose::Device(key),
            step: Step::Account,
            // Whoever is sent a code by a stranger should see whom it lets in (RFC 8628 §5.4).
            confirm: true,
            create: false,
            began: context.now,
        };
        self.show(None, transaction, None)
    }
}
