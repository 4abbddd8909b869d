//! The parameters of a request, each at most once (RFC 6749 §3.1, §3.2).

use super::http::Request;
use super::refusal::Refusal;

/// The parameters of a request. Each name occurs once; one without a value counts as left out.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Those in the body.
    pub(crate) fn of(request: &Request) -> Result<Self, Refusal> {
        Fields::once(request.fields())
    }

    /// Those in the body of a POST, or else in the query.
    pub(crate) fn of_either(request: &Request) -> Result<Self, Refusal> {
        Fields::once(if request.method == "POST" { request.fields() } else { request.query.clone() })
    }

    fn once(mut fields: Vec<(String, String)>) -> Result<Self, Refusal> {
        let mut names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let text = format!("The request has the parameter '{}' more than once.", twice[0]);
            return Err(Refusal::invalid_request(9_002_313, text));
        }
        fields.retain(|(_, value)| !value.is_empty());
        Ok(Fields(fields))
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(key, _)| key == name);
        field.map(|(_, value)| value.as_str())
    }

    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.value(name).map(str::to_owned)
    }

    pub(crate) fn require(&self, name: &str) -> Result<&str, Refusal> {
        self.value(name).ok_or_else(|| Refusal::missing_field(name))
    }
}
