//! Who signs in: whether Entra knows the name, the password, and the way into the tenant.

use serde_json::json;

use super::mint::{encode, lasting_identifier, tenant_identifier};
use super::refusal::Refusal;
use super::settings::Settings;
use super::tenant::{check_tenant, is_same, is_shared};
use super::user::User;

/// Somebody with a name and a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) name: String,
    /// The home tenant: an identifier or a domain.
    pub(crate) home: String,
}

impl Person {
    /// What the person is known by in a tenant. At home, and only there, it is the `uid` of `client_info`.
    pub(crate) fn identifier_in(&self, tenant: &str) -> String {
        lasting_identifier(&["user", &tenant_identifier(tenant), &self.name])
    }

    /// `client_info`: who the person is at home, whatever tenant a token is of.
    pub(crate) fn client_info(&self) -> String {
        let info = json!({ "uid": self.identifier_in(&self.home), "utid": tenant_identifier(&self.home) });
        encode(info.to_string())
    }
}

impl Settings {
    /// The registered user of that name.
    pub(crate) fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name.eq_ignore_ascii_case(name))
    }

    /// Is it the name of somebody: of a registered user or, if there are none, anything like an address?
    pub(crate) fn knows(&self, name: &str) -> bool {
        let like_an_address = || name.split_once('@').is_some_and(|(local, domain)| is_part(local) && is_part(domain));
        if self.users.is_empty() { like_an_address() } else { self.user(name).is_some() }
    }

    /// The person of that name. One who is not registered is at home in the domain of the name.
    pub(crate) fn person(&self, name: &str, tenant: &str) -> Result<Person, Refusal> {
        if !self.knows(name) {
            let text = format!(
                "The user account {name} does not exist in the {tenant} directory. To sign into this application, \
                 the account must be added to the directory."
            );
            return Err(Refusal::new(400, "invalid_grant", 50034, text));
        }
        Ok(match self.user(name) {
            Some(user) => Person { name: user.name.clone(), home: user.tenant.clone() },
            None => {
                let domain = name.rsplit('@').next().filter(|domain| check_tenant(domain).is_ok());
                Person { name: name.to_owned(), home: domain.unwrap_or(tenant).to_owned() }
            }
        })
    }

    /// The tenant that the person gets into by asking at `tenant`: the home tenant for a shared name. Registered
    /// users get into the tenants of theirs only.
    pub(crate) fn admit(&self, person: &Person, tenant: &str, client_id: &str) -> Result<String, Refusal> {
        if is_shared(tenant) || is_same(tenant, &person.home) {
            return Ok(if is_shared(tenant) { person.home.clone() } else { tenant.to_owned() });
        }
        match self.user(&person.name) {
            Some(user) if !user.guest_of.iter().any(|guest| is_same(guest, tenant)) => {
                let text = format!(
                    "User account '{}' from identity provider '{}' does not exist in tenant '{tenant}' and cannot \
                     access the application '{client_id}' in that tenant. The account needs to be added as an \
                     external user in the tenant first.",
                    person.name, person.home
                );
                Err(Refusal::new(400, "invalid_grant", 50020, text))
            }
            _ => Ok(tenant.to_owned()),
        }
    }

    /// Does the sign-in page ask this one for a password?
    pub(crate) fn has_password(&self, name: &str) -> bool {
        self.user(name).is_none_or(|user| user.password.is_some())
    }

    /// Checks a password; that of a person who is not registered is anything that does not start with `wrong`.
    pub(crate) fn check_password(&self, name: &str, password: &str) -> Result<(), Refusal> {
        let right = match self.user(name) {
            Some(user) => user.password.as_deref() == Some(password),
            None => !password.starts_with("wrong"),
        };
        if right {
            return Ok(());
        }
        let text = "Error validating credentials due to invalid username or password.";
        Err(Refusal::new(400, "invalid_grant", 50126, text))
    }

    /// The name to call somebody by.
    pub(crate) fn display_name<'a>(&'a self, name: &'a str) -> &'a str {
        match self.user(name) {
            Some(user) => &user.display_name,
            None => name.split('@').next().unwrap_or(name),
        }
    }
}

fn is_part(text: &str) -> bool {
    !text.is_empty() && text.len() <= 256 && !text.contains(|c: char| c == '@' || c.is_control() || c.is_whitespace())
}
