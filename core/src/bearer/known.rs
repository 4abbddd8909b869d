//! What a client learns from one request for the next.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Bearer;
use super::site::Site;
use crate::authority::{AuthorityHost, Tenant};
use crate::cache::Demand;
use crate::credential::{Interaction, TokenRequest};
use crate::error::{Error, ErrorKind};
use crate::scope::ScopeSet;
use crate::secret::AccessToken;
use crate::wire::challenge::Challenge;

/// Refused tokens kept at most; past it the oldest goes, and may be handed out and refused once more.
const MOST_REFUSED: usize = 16;

/// Challenges kept at most; past it the oldest goes, and costs its host one empty request more.
const MOST_CHALLENGES: usize = 256;

/// What a conversation found out; [`Known::learn`] keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lesson {
    /// The resource refused `token`, which answered `request`. Caches below should not hand it out again; those that
    /// are asked with [`Demand::Not`] do not.
    Refused {
        /// The request that the token answered, with nothing demanded.
        request: TokenRequest,
        /// The token.
        token: AccessToken,
    },
    /// A refused token has been replaced: it need not be ruled out any longer.
    Replaced(AccessToken),
    /// The resource evaluates access continuously: from now on tokens are asked for with `enable_cae`.
    Cae,
    /// The host told which tokens it takes.
    Challenge(ResourceChallenge),
    /// What the host told is no longer true.
    Outdated(ResourceChallenge),
}

/// What one client knows; starts empty, and is shared by its requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub(super) cae: bool,
    pub(super) refusals: Refusals,
    challenges: Vec<ResourceChallenge>,
}

impl Known {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { cae: false, refusals: Refusals(Vec::new()), challenges: Vec::new() }
    }

    /// Keeps `lesson`. Bounded: 16 refused tokens, 256 hosts.
    pub fn learn(&mut self, lesson: Lesson) {
        match lesson {
            Lesson::Refused { request, token } => {
                let refused = &mut self.refusals.0;
                refused.retain(|(r, _)| !is_same_token(r, &request));
                keep(refused, (request, token), MOST_REFUSED);
            }
            Lesson::Replaced(token) => self.refusals.0.retain(|(_, refused)| *refused != token),
            Lesson::Cae => self.cae = true,
            Lesson::Challenge(challenge) => {
                self.challenges.retain(|c| c.site != challenge.site);
                keep(&mut self.challenges, challenge, MOST_CHALLENGES);
            }
            // Only the one that failed: another request may have learnt a better one meanwhile.
            Lesson::Outdated(challenge) => self.challenges.retain(|c| *c != challenge),
        }
    }

    /// Whether tokens are asked for with `enable_cae` from the start.
    #[must_use]
    pub const fn is_cae(&self) -> bool {
        self.cae
    }

    pub(super) fn challenge(&self, site: &Site) -> Option<&ResourceChallenge> {
        self.challenges.iter().find(|c| c.site == *site)
    }
}

/// Refused tokens, one for each kind of token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Refusals(Vec<(TokenRequest, AccessToken)>);

impl Refusals {
    /// `request`, ruling out the token that was refused.
    pub(super) fn apply(&self, request: TokenRequest) -> TokenRequest {
        match self.0.iter().find(|(r, _)| is_same_token(r, &request)) {
            Some((_, token)) => request.rejecting(token.clone()),
            None => request,
        }
    }
}

fn keep<T>(list: &mut Vec<T>, item: T, most: usize) {
    if list.len() >= most {
        list.remove(0);
    }
    list.push(item);
}

fn is_same_token(a: &TokenRequest, b: &TokenRequest) -> bool {
    a.scopes == b.scopes && a.tenant_id == b.tenant_id && a.enable_cae == b.enable_cae
}

/// Which tokens a host takes, by its own account: a `Bearer` challenge with `authorization` (or `authorization_uri`)
/// and `resource` (or `resource_id`, or `scope`), as Key Vault sends it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResourceChallenge {
    site: Site,
    authority: AuthorityHost,
    tenant: Option<Tenant>,
    scopes: ScopeSet,
}

impl ResourceChallenge {
    /// The scopes of the tokens: `scope`, else `<resource>/.default`.
    #[must_use]
    pub const fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// The tenant that makes them; `None` when the host named none in particular, or an ADFS.
    #[must_use]
    pub const fn tenant(&self) -> Option<&Tenant> {
        self.tenant.as_ref()
    }

    /// The first of `challenges` that says which tokens `site` takes.
    pub(super) fn find(challenges: &[Challenge], site: &Site) -> Option<Self> {
        challenges.iter().filter(|c| c.is_bearer()).find_map(|c| Self::read(c, site))
    }

    fn read(challenge: &Challenge, site: &Site) -> Option<Self> {
        let uri = challenge.param("authorization").or_else(|| challenge.param("authorization_uri"))?;
        let (authority, tenant) = authority(uri)?;
        let scopes = match challenge.param("scope") {
            Some(scopes) => ScopeSet::new(scopes.split_ascii_whitespace()).ok()?,
            None => {
                let resource = challenge.param("resource").or_else(|| challenge.param("resource_id"))?;
                let mut scope = String::from(resource.strip_suffix('/').unwrap_or(resource));
                scope.push_str("/.default");
                ScopeSet::new([scope]).ok()?
            }
        };
        Some(Self { site: site.clone(), authority, tenant, scopes })
    }

    /// Whether `bearer` may follow this: the authority is known, and the tokens are for the host that asks for them.
    pub(super) fn check(&self, bearer: &Bearer) -> Result<(), Error> {
        let refused = |message: String, advice: &str| Err(Error::new(ErrorKind::Configuration, message).advise(advice));
        let expected = bearer.authority_host.as_ref() == Some(&self.authority);
        if !expected && !self.authority.is_known() {
            let message = alloc::format!("{} names an authority that is not known: {}", self.site, self.authority);
            return refused(message, "name your own authority with `authority_host`, or check the request's address");
        }
        // The authority compares resources by their whole text, so nothing may stand where its host seems to end.
        let plain = |scope: &str| !scope.contains(['?', '#']);
        let owns = |scope: &str| plain(scope) && Site::new(scope).is_some_and(|of| self.site.belongs_to(&of));
        match self.scopes.iter().find(|scope| bearer.verify_resource && !owns(scope)) {
            None => Ok(()),
            Some(scope) => {
                let shown = crate::wire::text::printable(scope, 120);
                let message = alloc::format!("{} asks for a token that is for another host: {shown}", self.site);
                refused(
                    message,
                    "check the request's address; only for a host that you trust with such tokens, switch `verify_challenge_resource` off",
                )
            }
        }
    }

    /// The request for a token of this kind.
    pub(super) fn request(&self, bearer: &Bearer, cae: bool) -> TokenRequest {
        let tenant = bearer.tenant_id.clone().or_else(|| self.tenant.as_ref().map(ToString::to_string));
        bearer.request(self.scopes.clone(), tenant, cae)
    }
}

impl Bearer {
    pub(super) fn request(&self, scopes: ScopeSet, tenant_id: Option<String>, enable_cae: bool) -> TokenRequest {
        TokenRequest {
            scopes,
            tenant_id,
            enable_cae,
            demand: Demand::Any,
            timeout: self.timeout,
            interaction: Interaction::Automatic,
            login_hint: None,
            expected: None,
        }
    }
}

/// Host and tenant of an authorization URI: the first segment of its path is the tenant, unless it is an ADFS or
/// names none in particular.
fn authority(uri: &str) -> Option<(AuthorityHost, Option<Tenant>)> {
    let (scheme, rest) = uri.split_once("://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.split(['?', '#']).next()?;
    let segments = || path.split('/').filter(|segment| !segment.is_empty());
    let host = AuthorityHost::new(host).ok().filter(|_| scheme.eq_ignore_ascii_case("https"))?;
    let adfs = segments().next_back().is_some_and(|last| last.eq_ignore_ascii_case("adfs"));
    let Some(first) = segments().next().filter(|_| !adfs) else { return Some((host, None)) };
    let tenant = Tenant::new(first).ok()?;
    let particular = !tenant.is_open() && !tenant.is_adfs();
    Some((host, particular.then_some(tenant)))
}
