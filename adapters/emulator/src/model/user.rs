//! Users who may sign in.

use std::fmt;

use serde_json::{Map, Value, json};

/// A user in the settings.
///
/// ```
/// use azlatch_emulator::User;
///
/// let ada = User::new("ada@contoso.test").password("secret").guest_of("fabrikam.test");
/// assert_eq!((ada.tenant.as_str(), ada.display_name.as_str()), ("contoso.test", "ada"));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// The user principal name, such as `ada@contoso.test`; compared without regard to case.
    pub name: String,
    /// The password; `None` for a user who signs in on the page without one, and never by the password grant.
    pub password: Option<String>,
    /// The home tenant: an identifier or a domain.
    pub tenant: String,
    /// Other tenants that the user may sign in to.
    pub guest_of: Vec<String>,
    /// The name to call the user by.
    pub display_name: String,
    /// Whether the home realm of the user is a federated one, which the user realm endpoint then says.
    pub federated: bool,
    /// Conditional access: the claims, as JSON, that a sign-in has to ask for before refreshes are granted; see
    /// [`Entra::demand_claims`](crate::Entra::demand_claims).
    pub needs: Option<String>,
}

impl User {
    /// A user without a password, at home in the domain of the name, called by what stands before the `@`.
    pub fn new(name: &str) -> Self {
        let (display_name, tenant) = name.rsplit_once('@').unwrap_or((name, ""));
        User {
            name: name.to_owned(),
            password: None,
            tenant: tenant.to_owned(),
            guest_of: Vec::new(),
            display_name: display_name.to_owned(),
            federated: false,
            needs: None,
        }
    }

    /// Sets the password.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Sets the home tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: &str) -> Self {
        tenant.clone_into(&mut self.tenant);
        self
    }

    /// Adds a tenant that the user is a guest of.
    #[must_use]
    pub fn guest_of(mut self, tenant: &str) -> Self {
        self.guest_of.push(tenant.to_owned());
        self
    }

    /// Sets the name to call the user by.
    #[must_use]
    pub fn display_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.display_name);
        self
    }

    /// Makes the home realm a federated one.
    #[must_use]
    pub fn federated(mut self) -> Self {
        self.federated = true;
        self
    }

    /// Sets the claims that conditional access demands, as JSON.
    #[must_use]
    pub fn needs(mut self, claims: &str) -> Self {
        self.needs = Some(claims.to_owned());
        self
    }

    /// What may be shown of it: all but the password.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "tenant": self.tenant,
            "guest_of": self.guest_of,
            "display_name": self.display_name,
            "federated": self.federated,
            "needs": self.needs,
        })
    }

    /// A user from JSON with the members that the fields are called by; all but `name` may be left out.
    pub(crate) fn from_json(value: &Value) -> Result<Self, String> {
        let object: &Map<String, Value> = value.as_object().ok_or("a user must be a JSON object")?;
        let mut user = User::new(object.get("name").and_then(Value::as_str).ok_or("name is missing")?);
        for (name, value) in object {
            let wrong = || format!("unfit value for {name}");
            let text = || value.as_str().map(str::to_owned).ok_or_else(wrong);
            match name.as_str() {
                "name" => {}
                "password" => user.password = if value.is_null() { None } else { Some(text()?) },
                "tenant" => user.tenant = text()?,
                "display_name" => user.display_name = text()?,
                "federated" => user.federated = value.as_bool().ok_or_else(wrong)?,
                "needs" => user.needs = if value.is_null() { None } else { Some(claims_text(value)?) },
                "guest_of" => {
                    let tenants = value.as_array().ok_or_else(wrong)?.iter();
                    let tenants = tenants.map(|tenant| tenant.as_str().map(str::to_owned));
                    user.guest_of = tenants.collect::<Option<_>>().ok_or_else(wrong)?;
                }
                _ => return Err(format!("a user has no {name}")),
            }
        }
        if user.tenant.is_empty() {
            return Err("tenant is missing, and the name has no domain to take it from".to_owned());
        }
        Ok(user)
    }
}

/// Claims in JSON: an object, or the text of one.
pub(crate) fn claims_text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) if matches!(serde_json::from_str(text), Ok(Value::Object(_))) => Ok(text.clone()),
        Value::Object(_) => Ok(value.to_string()),
        _ => Err("claims must be a JSON object or the text of one".to_owned()),
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .field("password", &self.password.as_ref().map(|_| "[redacted]"))
            .field("tenant", &self.tenant)
            .field("guest_of", &self.guest_of)
            .field("display_name", &self.display_name)
            .field("federated", &self.federated)
            .field("needs", &self.needs)
            .finish()
    }
}
