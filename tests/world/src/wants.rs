//! Who wants which token: a small cast of clouds, tenants, applications, people and assertions, near enough to each
//! other that every mix-up has somebody to hurt.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use azlatch_core::ScopeSet;
use azlatch_core::authority::{Authority, AuthorityHost, Tenant};
use azlatch_core::cache::{Query, Scheme, Subject};
use azlatch_core::effect::Partition;
use azlatch_core::wire::jwt::{AccountHints, ClientInfo};
use azlatch_emulator::{Entra, Request, Settings};

use crate::random::Random;

/// The clouds' hosts: two that share nothing.
pub const HOSTS: [&str; 2] = ["login.microsoftonline.com", "login.microsoftonline.us"];
const TENANTS: [&str; 2] = ["contoso.test", "fabrikam.test"];
const CLIENTS: [&str; 2] = ["11111111-0000-0000-0000-000000000001", "11111111-0000-0000-0000-000000000002"];
/// The people, by their names.
pub const PEOPLE: [&str; 2] = ["ada@contoso.test", "bob@contoso.test"];
const ASSERTIONS: [&str; 2] = ["canary-assertion-of-ada", "canary-assertion-of-bob"];
/// What tokens are for.
pub const SCOPES: [&str; 2] = ["https://vault.test/.default", "https://graph.test/.default"];

/// On whose behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The application itself.
    App,
    /// One of the people.
    Person(usize),
    /// Whoever one of the assertions speaks for.
    Assertion(usize),
}

/// How the tenant is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// By its domain.
    Name,
    /// By its id, as the record of a sign-in has it.
    Id,
    /// Not at all: whichever tenant the person is at home in.
    Open,
}

/// Which token is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "indices into the cast")]
pub struct Want {
    pub cloud: usize,
    pub tenant: usize,
    pub spelling: Spelling,
    pub client: usize,
    pub who: Who,
    pub scope: usize,
    pub cae: bool,
}

impl Want {
    /// Any.
    pub fn any(random: &mut Random) -> Self {
        let who = match random.below(5) {
            0 | 1 => Who::App,
            2 | 3 => Who::Person(random.index(2)),
            _ => Who::Assertion(random.index(2)),
        };
        let spelling = Spelling::Name;
        Self { cloud: 0, tenant: 0, spelling, client: 0, who, scope: random.index(2), cae: random.chance(100) }
    }

    /// One that differs from this one in one respect, or in two.
    #[must_use]
    pub fn neighbour(self, random: &mut Random) -> Self {
        let mut want = self;
        for _ in 0..=random.below(2) {
            match random.below(6) {
                0 => want.cloud ^= 1,
                1 => want.tenant ^= 1,
                2 => want.client ^= 1,
                3 => want.scope ^= 1,
                4 => want.cae ^= random.chance(500),
                _ => {
                    want.who = match want.who {
                        Who::App => Who::Person(random.index(2)),
                        Who::Person(n) => Who::Person(n ^ 1),
                        Who::Assertion(n) => Who::Assertion(n ^ 1),
                    }
                }
            }
        }
        want
    }

    /// The cloud's host.
    #[must_use]
    pub const fn host(&self) -> &'static str {
        HOSTS[self.cloud]
    }

    /// The tenant, as it is called.
    #[must_use]
    pub fn tenant(&self) -> &'static str {
        match self.spelling {
            Spelling::Name => TENANTS[self.tenant],
            Spelling::Id => tenant_id(self.tenant),
            Spelling::Open => "organizations",
        }
    }

    /// Whether tokens stored for `realm` are of this tenant, as the core tells realms apart.
    #[must_use]
    pub fn is_realm(&self, realm: &str) -> bool {
        let home = |text: &str| text == tenant_id(0);
        realm == self.tenant()
            || (self.spelling == Spelling::Open && home(realm))
            || (realm == "organizations" && home(self.tenant()))
    }

    /// The application.
    #[must_use]
    pub const fn client(&self) -> &'static str {
        CLIENTS[self.client]
    }

    /// The scope.
    #[must_use]
    pub const fn scope(&self) -> &'static str {
        SCOPES[self.scope]
    }

    /// The person's name.
    #[must_use]
    pub const fn person(&self) -> Option<&'static str> {
        match self.who {
            Who::Person(n) => Some(PEOPLE[n]),
            _ => None,
        }
    }

    /// The assertion's text.
    #[must_use]
    pub const fn assertion(&self) -> Option<&'static str> {
        match self.who {
            Who::Assertion(n) => Some(ASSERTIONS[n]),
            _ => None,
        }
    }

    /// Where the person's home is; people keep it wherever they are guests.
    #[must_use]
    pub const fn home_tenant() -> &'static str {
        TENANTS[0]
    }

    /// The core's question for it.
    ///
    /// # Panics
    ///
    /// Never: the cast is good.
    #[must_use]
    pub fn query(&self) -> Query {
        let subject = match self.who {
            Who::App => Subject::Application,
            Who::Person(n) => Subject::Account(home_account_id(n).into()),
            // Any 32 bytes that tell assertions apart do for a hash.
            Who::Assertion(n) => Subject::Assertion([u8::try_from(n).unwrap_or_default() + 1; 32]),
        };
        Query {
            authority: Authority {
                host: AuthorityHost::new(self.host()).expect("a host"),
                tenant: Tenant::new(self.tenant()).expect("a tenant"),
            },
            client_id: self.client().into(),
            subject,
            scopes: ScopeSet::parse(self.scope()),
            scheme: Scheme::Bearer,
            cae: self.cae,
            extra: BTreeMap::new(),
        }
    }

    /// The document it is kept in.
    ///
    /// # Panics
    ///
    /// Never: the names are good.
    #[must_use]
    pub fn partition(&self) -> Partition {
        Partition::new(DOCUMENTS[usize::from(self.cae)]).expect("a name")
    }

    /// The key and the JSON of a signed-in person's refresh token.
    #[must_use]
    pub fn refresh_entity(&self, token: &str, family: bool, at: i64) -> (String, String) {
        let Who::Person(n) = self.who else { return Default::default() };
        let (home, host, client) = (home_account_id(n), self.host(), self.client());
        let (shared, owner) = if family { (r#""family_id":"1","#, "1") } else { ("", client) };
        let json = format!(
            r#"{{"credential_type":"RefreshToken","secret":"{token}","home_account_id":"{home}","environment":"{host}","client_id":"{client}",{shared}"last_modification_time":"{at}","x":[1]}}"#
        );
        (format!("{home}-{host}-refreshtoken-{owner}--").to_lowercase(), json)
    }
}

impl Want {
    /// The key and the JSON of what tells that the application is of the family.
    #[must_use]
    pub fn family_entity(&self) -> (String, String) {
        let (host, client) = (self.host(), self.client());
        let json = format!(r#"{{"client_id":"{client}","environment":"{host}","family_id":"1"}}"#);
        (format!("appmetadata-{host}-{client}"), json)
    }
}

/// The documents: tokens without and with continuous access evaluation.
pub const DOCUMENTS: [&str; 2] = ["msal.cache.nocae", "msal.cache.cae"];

/// What the authority tells of `person` who signs in to `tenant`: the answer to a first refresh.
fn told(person: &str, tenant: &str) -> serde_json::Value {
    let mut entra = Entra::new(Settings::default());
    let token = entra.grant_refresh_token(CLIENTS[0], Want::home_tenant(), person);
    let fields = [("grant_type", "refresh_token"), ("client_id", CLIENTS[0]), ("refresh_token", token.as_str())];
    let answer = entra.answer(0, &Request::form(&format!("/{tenant}/oauth2/v2.0/token"), &fields));
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// The home account id that the authority tells of a person.
#[must_use]
pub fn home_account_id(person: usize) -> &'static str {
    static HOMES: OnceLock<Vec<String>> = OnceLock::new();
    let ask = |name: &&str| {
        let json = told(name, TENANTS[0]);
        let info = json["client_info"].as_str().unwrap_or_default();
        ClientInfo::parse(info).map(|info| info.home_account_id()).unwrap_or_default()
    };
    &HOMES.get_or_init(|| PEOPLE.iter().map(ask).collect())[person]
}

/// The id that the authority tells of a tenant.
#[must_use]
pub fn tenant_id(tenant: usize) -> &'static str {
    static IDS: OnceLock<Vec<String>> = OnceLock::new();
    let ask = |name: &&str| {
        let json = told(PEOPLE[0], name);
        let hints = AccountHints::parse(json["id_token"].as_str().unwrap_or_default());
        hints.and_then(|hints| hints.tenant).unwrap_or_default()
    };
    &IDS.get_or_init(|| TENANTS.iter().map(ask).collect())[tenant]
}

/// Which tenant of the cast a request names; whoever names none gets the home of people.
#[must_use]
pub fn tenant_named(text: &str) -> usize {
    usize::from(text == TENANTS[1] || text == tenant_id(1))
}

/// Which of the applications.
#[must_use]
pub fn client_named(text: &str) -> Option<usize> {
    CLIENTS.iter().position(|client| *client == text)
}

/// Which of the people.
#[must_use]
pub fn person_named(text: &str) -> Option<usize> {
    PEOPLE.iter().position(|person| *person == text)
}

/// Whose home account id it is.
#[must_use]
pub fn person_at(home: &str) -> Option<usize> {
    (0..PEOPLE.len()).find(|person| home_account_id(*person) == home)
}
