//! Carrying out the conduct of an answer.

use std::io::{self, Read, Write};

use ureq_proto::server::Reply;
use ureq_proto::server::state::ProvideResponse;

use super::connection::Tls;
use super::exchange::{Rendered, render};
use super::stop::Stop;
use crate::model::{Answer, Conduct};

/// How a connection goes on after an answer.
pub(super) enum Next {
    /// With another request.
    Request,
    /// Not at all; take leave of the peer.
    Close,
    /// Not at all; without a word, as if the cable had been cut.
    Cut,
}

/// Delivers an answer as its conduct says.
pub(super) fn deliver(
    tls: &mut Tls<'_, '_>,
    stop: &Stop,
    reply: Reply<ProvideResponse>,
    answer: Answer,
) -> io::Result<Next> {
    let rendered = |answer: &Answer| render(reply, answer).map_err(io::Error::other);
    match &answer.conduct {
        Conduct::Reset | Conduct::ResetBefore => Ok(Next::Cut),
        Conduct::Raw(bytes) => {
            send(tls, bytes)?;
            Ok(Next::Close)
        }
        Conduct::Silent => await_end(tls, stop),
        Conduct::Prompt => whole(tls, &rendered(&answer)?),
        Conduct::Delayed(pause) => {
            if !stop.pause(*pause) {
                return Ok(Next::Cut);
            }
            whole(tls, &rendered(&answer)?)
        }
        Conduct::Truncated(bytes) => {
            let rendered = rendered(&answer)?;
            let end = rendered.head.saturating_add(*bytes);
            send(tls, &rendered.bytes[..end.min(rendered.bytes.len())])?;
            Ok(Next::Cut)
        }
        Conduct::Drip(pause) => {
            let rendered = rendered(&answer)?;
            for byte in &rendered.bytes {
                send(tls, &[*byte])?;
                if !stop.pause(*pause) {
                    return Ok(Next::Cut);
                }
            }
            Ok(after(&rendered))
        }
    }
}

fn whole(tls: &mut Tls<'_, '_>, rendered: &Rendered) -> io::Result<Next> {
    send(tls, &rendered.bytes)?;
    Ok(after(rendered))
}

fn send(tls: &mut Tls<'_, '_>, bytes: &[u8]) -> io::Result<()> {
    tls.write_all(bytes)?;
    tls.flush()
}

fn after(rendered: &Rendered) -> Next {
    if rendered.last { Next::Close } else { Next::Request }
}

/// Says nothing until the peer has gone or the emulator stops.
fn await_end(tls: &mut Tls<'_, '_>, stop: &Stop) -> io::Result<Next> {
    let mut sink = [0; 1024];
    loop {
        match tls.read(&mut sink) {
            Ok(0) => return Ok(Next::Cut),
            Ok(_) => {}
            // The idle limit has passed, which is what silence is about.
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
        if stop.is_set() {
            return Ok(Next::Cut);
        }
    }
}
