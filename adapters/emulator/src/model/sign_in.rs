//! A sign-in on pages: who are you, prove it, may the client?
//!
//! ```text
//!   Account ──name──▶ Password ──right──▶ Confirm ──accept──▶ code, or an approved device
//!      ╲                 ╲                   ╲
//!       ╲─────────────────╲───────────────────╲──cancel──▶ error, or a declined device
//! ```
//!
//! What has been said so far stays here; the pages carry but an opaque text by which it is found again.

use super::Entra;
use super::authorize::{Ask, Return};
use super::code::{self, Code};
use super::context::Context;
use super::fields::Fields;
use super::http::{Answer, Request};
use super::page;
use super::person::Person;
use super::refusal::Refusal;
use super::shelf::{Key, Shelf};

/// So many seconds a sign-in may take.
const LIFE: i64 = 3_600;

/// A sign-in under way.
#[derive(Clone)]
pub(crate) struct Transaction {
    pub(crate) ask: Ask,
    pub(crate) purpose: Purpose,
    pub(crate) step: Step,
    /// Whether the user is asked, at the end, to accept.
    pub(crate) confirm: bool,
    /// Whether the client wants an account made.
    pub(crate) create: bool,
    pub(crate) began: i64,
}

/// What a sign-in is for.
#[derive(Clone)]
pub(crate) enum Purpose {
    /// A code for a client that waits for a redirect.
    Code(Return),
    /// The device that waits under this key.
    Device(Key),
}

/// What is asked of the user now.
#[derive(Clone)]
pub(crate) enum Step {
    Account,
    Password(String),
    Confirm(Person, String),
}

pub(crate) type Transactions = Shelf<Transaction, 1_000>;

impl Entra {
    /// Answers what a page sent.
    pub(super) fn sign_in(&mut self, context: &Context, request: &Request) -> Answer {
        let fields = match Fields::of(request) {
            Ok(fields) => fields,
            Err(refusal) => return page::refused(context, &refusal),
        };
        let found = fields.value("ctx").and_then(|id| Some((id.to_owned(), self.transactions.take(id)?)));
        let Some((id, mut transaction)) = found.filter(|(_, it)| context.now.saturating_sub(it.began) < LIFE) else {
            let text = "Invalid Request: this sign-in is over. Go back to the application and start again.";
            return page::refused(context, &Refusal::invalid_request(165_000, text));
        };
        match (fields.value("action"), &transaction.step) {
            (Some("cancel"), _) => return self.decline(context, &transaction),
            (Some("back"), _) => {
                transaction.step = Step::Account;
                return self.show(Some(id), transaction, None);
            }
            (Some("accept"), Step::Confirm(person, tenant)) => {
                let (person, tenant) = (person.clone(), tenant.clone());
                return self.finish(context, &transaction.ask, &transaction.purpose, &person, &tenant);
            }
            (_, Step::Confirm(..)) => return self.show(Some(id), transaction, None),
            _ => {}
        }
        match self.identify(&mut transaction, &fields) {
            Ok(Some((person, tenant))) if !transaction.confirm => {
                self.finish(context, &transaction.ask, &transaction.purpose, &person, &tenant)
            }
            Ok(Some((person, tenant))) => {
                transaction.step = Step::Confirm(person, tenant);
                self.show(Some(id), transaction, None)
            }
            Ok(None) => self.show(Some(id), transaction, None),
            Err(refusal) => self.show(Some(id), transaction, Some(&refusal)),
        }
    }

    /// Who signs in, and to which tenant; `None` if the next page has to ask for more.
    fn identify(&self, transaction: &mut Transaction, fields: &Fields) -> Result<Option<(Person, String)>, Refusal> {
        let asked = match &transaction.step {
            Step::Password(name) => Some(name.clone()),
            _ => None,
        };
        let typed = fields.value("account").or_else(|| fields.value("username"));
        let Some(name) = typed.map(str::to_owned).or_else(|| asked.clone()) else {
            return Ok(None);
        };
        let ask = &transaction.ask;
        transaction.step = Step::Account;
        let person = self.settings.person(&name, &ask.tenant)?;
        let tenant = self.settings.admit(&person, &ask.tenant, &ask.client_id)?;
        if self.settings.has_password(&name) {
            let same = asked.is_some_and(|asked| asked.eq_ignore_ascii_case(&name));
            transaction.step = Step::Password(name.clone());
            match fields.value("password") {
                None if !same => return Ok(None),
                password => self.settings.check_password(&name, password.unwrap_or_default())?,
            }
        }
        Ok(Some((person, tenant)))
    }

    /// Shows the page of the step that a transaction is at. One shown for the first time has no `id` yet.
    pub(super) fn show(&mut self, id: Option<String>, transaction: Transaction, notice: Option<&Refusal>) -> Answer {
        let id = id.unwrap_or_else(|| self.mint.opaque(self.settings.seed, "s"));
        let notice = notice.map(Refusal::notice);
        let ask = &transaction.ask;
        let frame = page::Frame { tenant: &ask.tenant, id: &id, notice: notice.as_deref() };
        let answer = match &transaction.step {
            Step::Account => {
                let fits = |name: &str| ask.domain_hint.as_ref().is_none_or(|hint| is_in(name, hint));
                let accounts = self.settings.users.iter().filter(|user| fits(&user.name));
                let hint = ask.login_hint.as_deref().unwrap_or_default();
                page::account(&frame, accounts, hint, transaction.create)
            }
            Step::Password(name) => page::password(&frame, name, self.settings.has_password(name)),
            Step::Confirm(person, _) => {
                let device = matches!(transaction.purpose, Purpose::Device(_));
                page::confirm(&frame, &person.name, &ask.client_id, &ask.scope, device)
            }
        };
        self.transactions.put(&id, transaction);
        answer
    }

    /// Signs somebody in who need not be asked.
    pub(super) fn sign_in_unasked(&mut self, context: &Context, ask: Ask, back: Return, name: &str) -> Answer {
        let person = self.settings.person(name, &ask.tenant);
        let admitted = person.and_then(|person| {
            let tenant = self.settings.admit(&person, &ask.tenant, &ask.client_id)?;
            Ok((person, tenant))
        });
        match admitted {
            Ok((person, tenant)) => self.finish(context, &ask, &Purpose::Code(back), &person, &tenant),
            Err(refusal) => self.redirect_refused(context, &ask, &back, &refusal),
        }
    }

    /// The user is in.
    fn finish(&mut self, context: &Context, ask: &Ask, purpose: &Purpose, person: &Person, tenant: &str) -> Answer {
        match purpose {
            Purpose::Device(key) => {
                if !self.approve_device(key, context.now, person, tenant) {
                    return page::message("The code is no longer good", "Start again on your device.");
                }
                page::message("You are signed in", "You have signed in on your device. You may close this window.")
            }
            Purpose::Code(back) => {
                self.note_claims(&person.name, ask.claims.as_deref());
                self.counters.signed_in += 1;
                let text = self.mint.opaque(self.settings.seed, "1");
                let code = Code {
                    ask: ask.clone(),
                    back: back.clone(),
                    person: person.clone(),
                    tenant: tenant.to_owned(),
                    expires_at: context.now.saturating_add(code::LIFE),
                    redeemed: false,
                };
                self.codes.put(&text, code);
                self.redirect_code(back, tenant, person, &text)
            }
        }
    }

    /// The user does not want to.
    fn decline(&mut self, context: &Context, transaction: &Transaction) -> Answer {
        match &transaction.purpose {
            Purpose::Code(back) => self.redirect_refused(context, &transaction.ask, back, &Refusal::cancelled()),
            Purpose::Device(key) => {
                self.decline_device(key);
                page::message("You have cancelled", "The device is not signed in. You may close this window.")
            }
        }
    }
}

/// Is a name of the domain that the client hinted at? A hint at a kind of accounts fits all here.
fn is_in(name: &str, hint: &str) -> bool {
    !hint.contains('.') || name.rsplit('@').next().is_some_and(|domain| domain.eq_ignore_ascii_case(hint))
}
