//! The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2.1): what a browser is sent to.
//!
//! A request whose client or redirect address is not good is answered with a page; everything after that goes back
//! to the client by redirect, errors too.

use super::Entra;
use super::client::check_known;
use super::context::Context;
use super::fields::Fields;
use super::http::{Answer, Request};
use super::page;
use super::personal::asks_client_info;
use super::pkce;
use super::redirect::{Mode, check_redirect};
use super::refusal::Refusal;
use super::sign_in::{Purpose, Step, Transaction};
use super::tenant::check_tenant;

/// What `prompt` may say.
pub(crate) const PROMPTS: [&str; 5] = ["login", "none", "consent", "select_account", "create"];

/// What a client asks of a user, in a browser or on a device.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) client_id: String,
    /// The tenant as the client named it, perhaps a shared name.
    pub(crate) tenant: String,
    pub(crate) scope: String,
    pub(crate) claims: Option<String>,
    pub(crate) login_hint: Option<String>,
    pub(crate) domain_hint: Option<String>,
}

/// How the answer gets back to the client, and what it repeats.
#[derive(Clone)]
pub(crate) struct Return {
    pub(crate) redirect_uri: String,
    pub(crate) mode: Mode,
    pub(crate) state: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) challenge: Option<String>,
    pub(crate) client_info: bool,
}

impl Entra {
    pub(super) fn authorize(&mut self, context: &Context, tenant: &str, request: &Request) -> Answer {
        let (fields, ask, back) = match self.addressee(tenant, request) {
            Ok(parts) => parts,
            Err(refusal) => return page::refused(context, &refusal),
        };
        match self.begin(&fields, &ask, &back, context.now) {
            Ok(Begun::Page(transaction)) => self.show(None, *transaction, None),
            Ok(Begun::Known(name)) => self.sign_in_unasked(context, ask, back, &name),
            Err(refusal) => self.redirect_refused(context, &ask, &back, &refusal),
        }
    }

    /// Who asks and where the answer goes to.
    fn addressee(&self, tenant: &str, request: &Request) -> Result<(Fields, Ask, Return), Refusal> {
        check_tenant(tenant)?;
        let fields = Fields::of_either(request)?;
        let client_id = fields.require("client_id")?.to_owned();
        check_known(&self.settings, &client_id)?;
        let redirect_uri = fields.require("redirect_uri")?;
        check_redirect(redirect_uri)?;
        let ask = Ask {
            client_id,
            tenant: tenant.to_owned(),
            scope: fields.owned("scope").unwrap_or_default(),
            claims: fields.owned("claims"),
            login_hint: fields.owned("login_hint"),
            domain_hint: fields.owned("domain_hint"),
        };
        let form_post = fields.value("response_mode") == Some("form_post");
        let back = Return {
            redirect_uri: redirect_uri.to_owned(),
            mode: if form_post { Mode::FormPost } else { Mode::Query },
            state: fields.owned("state"),
            nonce: fields.owned("nonce"),
            challenge: fields.owned("code_challenge"),
            client_info: asks_client_info(&fields),
        };
        Ok((fields, ask, back))
    }

    /// Checks what is left, and decides whether anybody has to be asked.
    fn begin(&self, fields: &Fields, ask: &Ask, back: &Return, now: i64) -> Result<Begun, Refusal> {
        let response_type = fields.require("response_type")?;
        if response_type != "code" {
            let text = format!("The response_type '{response_type}' is not enabled for the application; use 'code'.");
            return Err(Refusal::new(400, "unsupported_response_type", 70007, text));
        }
        if !matches!(fields.value("response_mode"), None | Some("query" | "form_post")) {
            let text = "The emulator answers with the response_mode 'query' or 'form_post' only.";
            return Err(Refusal::invalid_request(90023, text));
        }
        pkce::challenge(fields)?;
        fields.require("scope")?;
        let prompt = Prompt::of(fields.value("prompt").unwrap_or_default())?;

        let hint = ask.login_hint.as_ref().filter(|hint| self.settings.knows(hint));
        if let Some(user) = &self.settings.auto_approve {
            let name = hint.unwrap_or(user);
            if prompt.none && !self.would_meet(name, ask.claims.as_deref()) {
                self.check_demand(name, "interaction_required")?;
            }
            return Ok(Begun::Known(name.clone()));
        }
        if prompt.none {
            let text = "Session information is not sufficient for single-sign-on.";
            return Err(Refusal::new(400, "login_required", 50058, text));
        }
        let step = match hint {
            Some(name) if !prompt.select_account => Step::Password(name.clone()),
            _ => Step::Account,
        };
        Ok(Begun::Page(Box::new(Transaction {
            ask: ask.clone(),
            purpose: Purpose::Code(back.clone()),
            step,
            confirm: prompt.consent || self.settings.consent,
            create: prompt.create,
            began: now,
        })))
    }
}

/// What a good request leads to.
enum Begun {
    /// To pages.
    Page(Box<Transaction>),
    /// To nothing more to ask of the user of this name.
    Known(String),
}

/// What the request says about the pages to show (OpenID Connect Core §3.1.2.1).
struct Prompt {
    none: bool,
    select_account: bool,
    consent: bool,
    create: bool,
}

impl Prompt {
    fn of(text: &str) -> Result<Self, Refusal> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let has = |word| words.contains(&word);
        if words.iter().any(|word| !PROMPTS.contains(word)) || has("none") && words.len() > 1 {
            let text = format!("The value '{text}' of 'prompt' is not supported.");
            return Err(Refusal::invalid_request(90023, text));
        }
        Ok(Prompt {
            none: has("none"),
            select_account: has("select_account"),
            consent: has("consent"),
            create: has("create"),
        })
    }
}
