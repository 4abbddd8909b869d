//! Questions and ends as lines of a trace.

use std::fmt::Write as _;

use azlatch_core::Error;
use azlatch_core::cache::{Acquired, Demand};
use azlatch_core::credential::TokenRequest;
use azlatch_core::effect::{Effect, Http, Mark};
use azlatch_tests::samples::NOON;

/// What the flow asks for.
pub(crate) fn ask(said: &mut String, effect: &Effect) {
    let _ = match effect {
        Effect::Http(ask) => request(said, &ask.op),
        Effect::Load(ask) => {
            let unless = ask.op.unless.map_or(String::new(), |version| format!(" unless {}", version.0));
            // Five seconds are usual.
            let millis = Some(ask.op.timeout.as_millis()).filter(|millis| *millis != 5_000);
            let within = millis.map_or(String::new(), |millis| format!(" within {millis} ms"));
            writeln!(said, "> Load {}{unless}{within}", ask.op.partition.name())
        }
        Effect::Save(ask) => {
            let expect = ask.op.expect.map_or("nothing".into(), |version| version.0.to_string());
            let _ = writeln!(said, "> Save {} over {expect}", ask.op.partition.name());
            let text = String::from_utf8_lossy(ask.op.bytes.expose_secret());
            match serde_json::from_str::<serde_json::Value>(&text) {
                Ok(json) => indented(said, &format!("{json:#}")),
                Err(_) => indented(said, &text),
            }
            Ok(())
        }
        Effect::Lock(ask) => writeln!(said, "> Lock, patience {} ms", ask.op.patience.as_millis()),
        Effect::Unlock(ask) => match &ask.op.mark {
            Some(Mark { at, until, what, .. }) => {
                writeln!(said, "> Unlock, leaving {} {} {what}", at.0 - NOON, until.0 - NOON)
            }
            None => writeln!(said, "> Unlock"),
        },
        Effect::Wait(ask) => writeln!(said, "> Wait {} ms", ask.op.span.as_millis()),
        Effect::Random(ask) => writeln!(said, "> Random {} bytes", ask.op.len),
        Effect::Listen(ask) => {
            let (place, timeout) = (format!("port {} at {}", ask.op.port, ask.op.path), ask.op.timeout.as_secs());
            writeln!(said, "> Listen on {place} for {} within {timeout} s", ask.op.state.expose_secret())
        }
        Effect::Browse(ask) => {
            let _ = writeln!(said, "> Browse within {} ms", ask.op.timeout.as_millis());
            indented(said, &ask.op.url.replace(['?', '&'], "\n&"));
            Ok(())
        }
        Effect::Receive(ask) => writeln!(said, "> Receive at {} for {} ms", ask.op.listener, ask.op.span.as_millis()),
        Effect::Close(ask) => writeln!(said, "> Close {}, saying {:?}", ask.op.listener, ask.op.farewell),
        Effect::Prompt(ask) => {
            let ends = ask.op.expires_on.0 - NOON;
            let _ = writeln!(said, "> Prompt {} at {}, until +{ends}", ask.op.user_code, ask.op.verification_uri);
            indented(said, &ask.op.message);
            indented(said, ask.op.pending.expose_secret());
            Ok(())
        }
        other => writeln!(said, "> {}", other.name()),
    };
}

fn request(said: &mut String, http: &Http) -> std::fmt::Result {
    writeln!(said, "> Http {:?} {} within {} ms", http.method, http.url, http.timeout.as_millis())?;
    for header in &http.headers {
        let version = header.value.expose_secret().replace(env!("CARGO_PKG_VERSION"), "VERSION");
        writeln!(said, "    {}: {version}", header.name)?;
    }
    if let Some(body) = &http.body {
        let text = String::from_utf8_lossy(body.expose_secret()).replace('&', "\n&");
        indented(said, &text);
    }
    Ok(())
}

fn indented(said: &mut String, text: &str) {
    text.lines().for_each(|line| {
        let _ = writeln!(said, "    {line}");
    });
}

pub(crate) fn end(said: &mut String, outcome: &Result<Acquired, Error>) {
    let _ = match outcome {
        Ok(acquired) => {
            let (life, token) = (acquired.token.life, acquired.token.expose_secret());
            let _ =
                writeln!(said, "= {token} from {} until +{}", acquired.explain.source.name(), life.expires_on.0 - NOON);
            acquired.record.iter().try_for_each(|record| writeln!(said, "  {}", record.to_json()))
        }
        Err(error) => return refusal(said, error),
    };
    if let Ok(acquired) = outcome {
        acquired.explain.lines().for_each(|line| {
            let _ = writeln!(said, "  {line}");
        });
    }
}

/// The error that a flow ended with, and what it is because of.
pub(crate) fn refusal(said: &mut String, error: &Error) {
    let _ = writeln!(said, "! {}: {}", error.kind().name(), error.message());
    if let Some(after) = error.retry_after() {
        let _ = writeln!(said, "  retry after {} s", after.as_secs());
    }
    if let Some(advice) = error.advice() {
        let _ = writeln!(said, "  {advice}");
    }
    if let Some(cause) = std::error::Error::source(error) {
        let _ = writeln!(said, "  because {cause}");
    }
}

/// The sign-in that follows an error, if one does.
pub(crate) fn sign_in(said: &mut String, request: &TokenRequest) {
    let claims = match &request.demand {
        Demand::Claims(claims) => claims.as_str(),
        _ => "none",
    };
    let hint = request.login_hint.as_deref().unwrap_or("nobody");
    let _ = writeln!(said, "? a sign-in follows: claims {claims}, as {hint}");
}
