//! `azlatch token --batch`: one request a line in, one result a line out, for scripts and other languages.

use std::io::{self, BufRead, Read as _};

use azlatch::{Error, ErrorKind, Interaction, TokenRequest};
use serde_json::{Map, Value};

use crate::args::Token;
use crate::output;
use crate::tokens::Tokens;

/// A longer line is no request.
const LIMIT: u64 = 64 * 1024;

/// What a line asks for.
enum Wanted {
    Token(TokenRequest),
    /// Who is signed in, after a sign-in if it must be.
    Record(TokenRequest),
}

pub(crate) fn run(credential: &dyn Tokens, options: &Token) -> Result<(), Error> {
    let mut input = io::stdin().lock();
    while let Some(line) = next_line(&mut input)? {
        let result = line.and_then(|line| wanted(&line, options, credential)).and_then(|wanted| match wanted {
            Wanted::Token(request) => Ok(output::json(&credential.answer(&request)?, options.explain)),
            Wanted::Record(request) => Ok(output::record(&credential.authenticate(&request)?)),
        });
        output::line(&result.unwrap_or_else(|error| output::error_json(&error)).to_string())?;
    }
    Ok(())
}

/// The next line that is not blank; `None` at the end. A line that is too long is read past and refused.
fn next_line(input: &mut impl BufRead) -> Result<Option<Result<String, Error>>, Error> {
    let failed =
        |error: io::Error| Error::new(ErrorKind::Configuration, format!("stdin cannot be read: {}", error.kind()));
    loop {
        let mut line = Vec::new();
        if input.by_ref().take(LIMIT).read_until(b'\n', &mut line).map_err(failed)? == 0 {
            return Ok(None);
        }
        if line.len() as u64 == LIMIT && line.last() != Some(&b'\n') {
            input.skip_until(b'\n').map_err(failed)?;
            return Ok(Some(Err(bad("the line is longer than 64 KiB"))));
        }
        match String::from_utf8(line) {
            Err(_) => return Ok(Some(Err(bad("the line is not UTF-8")))),
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) => return Ok(Some(Ok(line))),
        }
    }
}

fn wanted(line: &str, options: &Token, credential: &dyn Tokens) -> Result<Wanted, Error> {
    let Ok(Value::Object(fields)) = serde_json::from_str(line) else {
        return Err(bad("the line is not a JSON object"));
    };
    const KNOWN: [&str; 5] = ["op", "scopes", "tenant_id", "claims", "enable_cae"];
    if let Some(unknown) = fields.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(bad(&format!("unknown member `{}`", unknown.escape_debug())));
    }
    let authenticate = match text(&fields, "op")? {
        None | Some("token") => false,
        Some("authenticate") => true,
        Some(_) => return Err(bad("`op` is not one that this version knows")),
    };
    let scopes = match fields.get("scopes") {
        Some(Value::Array(scopes)) => scopes
            .iter()
            .map(|s| s.as_str().map(str::to_owned).ok_or_else(|| bad("`scopes` must be strings")))
            .collect::<Result<Vec<_>, _>>()?,
        None if authenticate => credential.usual_scopes()?,
        _ => return Err(bad("`scopes` must be an array of strings")),
    };
    let cae = match fields.get("enable_cae") {
        None | Some(Value::Null) => options.enable_cae,
        Some(Value::Bool(enable)) => *enable,
        Some(_) => return Err(bad("`enable_cae` must be true or false")),
    };
    let mut request = TokenRequest::new(scopes)?.enable_cae(cae).timeout(options.timeout);
    if let Some(tenant) = text(&fields, "tenant_id")? {
        request = request.tenant_id(tenant);
    }
    if let Some(claims) = text(&fields, "claims")? {
        request = request.claims(claims);
    }
    if options.client.no_prompt {
        request = request.interaction(Interaction::Never);
    }
    Ok(if authenticate { Wanted::Record(request) } else { Wanted::Token(request) })
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Error> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad(&format!("`{name}` must be a string"))),
    }
}

fn bad(why: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("bad request: {why}"))
        .advise("send lines like {\"scopes\": [\"https://vault.azure.net/.default\"]}")
}
