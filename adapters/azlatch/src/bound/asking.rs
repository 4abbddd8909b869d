//! One call of an application, from the request as it was made to its end: tried, made anew, turned into a sign-in.

use std::borrow::Cow;

use azlatch_core::credential::{Credential, TokenRequest};
use azlatch_core::{Error, Mono};

use super::Bound;
use crate::answer::Answer;

/// A request on its way.
pub(crate) struct Asking<'a> {
    wanted: &'a TokenRequest,
    /// What is tried: what was wanted, or the sign-in that it takes.
    pub(crate) request: Cow<'a, TokenRequest>,
    pub(crate) since: Since,
}

/// When a try began, and how many had signed in when its request was last made anew: whoever finds more of them at the
/// door asks again before asking a person.
#[derive(Clone, Copy)]
pub(crate) struct Since {
    pub(super) arrivals: u64,
    pub(super) began: Mono,
}

impl<'a> Asking<'a> {
    pub(crate) fn new<C: Credential>(bound: &Bound<C>, wanted: &'a TokenRequest) -> Self {
        let since = Since { arrivals: bound.session.arrivals(), began: bound.clock.mono() };
        Self { wanted, request: Cow::Borrowed(wanted), since }
    }

    /// What the call comes to, now that one try came to `tried` (nothing, when somebody else signed in meanwhile); nothing
    /// when there is another try.
    pub(crate) fn end<C: Credential>(
        &mut self,
        bound: &Bound<C>,
        tried: Result<Option<Answer>, Error>,
    ) -> Option<Result<Answer, Error>> {
        let error = match tried {
            Ok(Some(answer)) => return Some(Ok(answer)),
            Ok(None) => {
                *self = Self::new(bound, self.wanted);
                return None;
            }
            Err(error) => error,
        };
        match bound.credential.sign_in(&self.request, &bound.session.surroundings(), &error) {
            Some(sign_in) => {
                self.request = Cow::Owned(sign_in);
                self.since.began = bound.clock.mono();
                None
            }
            // Too late to sign in, since somebody did.
            None if error.needs_interaction() && bound.session.arrivals() != self.since.arrivals => {
                *self = Self::new(bound, self.wanted);
                None
            }
            None => Some(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use azlatch_core::AuthenticationRecord;
    use azlatch_core::credential::{AuthorizationCodeCredential, Interaction, InteractiveBrowserCredential};

    use super::*;
    use crate::adapters::Adapters;
    use crate::bound::Next;

    fn bound<C: Credential>(credential: C) -> Arc<Bound<C>> {
        let adapters = Adapters::in_environment(std::iter::empty::<(String, String)>().collect()).expect("adapters");
        Arc::new(Bound::new(credential, &adapters).expect("bound"))
    }

    fn ada() -> AuthenticationRecord {
        let record =
            r#"{"authority":"login.microsoftonline.com","clientId":"app","homeAccountId":"u.t","tenantId":"t"}"#;
        AuthenticationRecord::from_json(record).expect("a record")
    }

    /// The error of a try that found nobody signed in.
    fn nobody<C: Credential>(bound: &Arc<Bound<C>>, asking: &Asking<'_>) -> Error {
        bound.board(&asking.request, asking.since, None).err().expect("nobody is signed in")
    }

    #[test]
    fn who_finds_at_the_door_that_somebody_came_asks_anew_and_no_person() {
        let bound = bound(InteractiveBrowserCredential::new());
        let wanted = TokenRequest::new(["r/.default"]).expect("a request");
        let mut asking = Asking::new(&bound, &wanted);
        let error = nobody(&bound, &asking);
        bound.session.arrived(&ada(), true);
        assert!(asking.end(&bound, Err(error)).is_none(), "there is another try");
        assert_eq!(asking.request.interaction, Interaction::Required);
        let (next, _) = bound.board(&asking.request, asking.since, None).expect("a next step");
        assert!(matches!(next, Next::Anew), "no second window");
        assert!(asking.end(&bound, Ok(None)).is_none());
        assert_eq!(*asking.request, wanted);
        let (next, _) = bound.board(&asking.request, asking.since, None).expect("a next step");
        assert!(matches!(next, Next::Lead(..)), "silently, for who came");
    }

    #[test]
    fn a_code_that_another_redeemed_meanwhile_is_gone_on_from() {
        let credential = AuthorizationCodeCredential::new("t", "app", "the-code", "https://app.example/back");
        let bound = bound(credential.expect("a credential"));
        let wanted = TokenRequest::new(["r/.default"]).expect("a request");
        let mut asking = Asking::new(&bound, &wanted);
        let error = nobody(&bound, &asking);
        bound.session.arrived(&ada(), true);
        assert!(asking.end(&bound, Err(error.clone())).is_none(), "the code is spent, but somebody is there");
        assert!(asking.end(&bound, Err(error)).is_some_and(|end| end.is_err()), "once");
    }
}
