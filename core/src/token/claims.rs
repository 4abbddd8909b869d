//! The `claims` parameter: what a challenge demands, merged with the promise to handle such challenges (CAE).

use alloc::format;
use alloc::string::String;

use crate::error::{Error, ErrorKind};
use crate::wire::json::{Object, quote};

/// The client capability that asks for revocable, long-lived tokens.
const XMS_CC: &str = r#"{"values":["cp1"]}"#;

/// The `claims` to send: those given, with `access_token.xms_cc` added when `cae`; `None` when there is nothing to say.
///
/// # Errors
///
/// `Configuration` when `given` is not a JSON object, or its `access_token` is none.
pub fn merge(given: Option<&str>, cae: bool) -> Result<Option<String>, Error> {
    let Some(given) = given else {
        return Ok(cae.then(|| format!(r#"{{"access_token":{{"xms_cc":{XMS_CC}}}}}"#)));
    };
    let claims = parse(given)?;
    if !cae {
        return Ok(Some(given.into()));
    }
    let access_token = match claims.raw("access_token") {
        Some(raw) => with(&parse(raw)?, "xms_cc", XMS_CC),
        None => format!(r#"{{"xms_cc":{XMS_CC}}}"#),
    };
    Ok(Some(with(&claims, "access_token", &access_token)))
}

fn parse(text: &str) -> Result<Object<'_>, Error> {
    Object::parse(text).map_err(|_| {
        Error::new(ErrorKind::Configuration, "the claims are not a JSON object with unique names")
            .advise("pass the claims of the challenge on as decoded, such as {\"access_token\":{…}}")
    })
}

/// `object` as text, with member `name` being `raw`.
fn with(object: &Object<'_>, name: &str, raw: &str) -> String {
    let mut out = String::from("{");
    for (other, value) in object.members().filter(|(other, _)| *other != name) {
        quote(&mut out, other);
        out.push(':');
        out.push_str(value);
        out.push(',');
    }
    quote(&mut out, name);
    out.push(':');
    out.push_str(raw);
    out.push('}');
    out
}
