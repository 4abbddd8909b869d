//! `azlatch visit`: the browser of somebody whom the emulator signs in at once, for scripts.

use std::path::Path;
use std::time::Duration;

use azlatch::{Error, ErrorKind};
use azlatch_core::Host as _;
use azlatch_core::effect::{Effect, Http, Ids, Proxy};
use azlatch_ureq::Ureq;

use crate::args::Visit;
use crate::input;

pub(crate) fn run(options: &Visit) -> Result<(), Error> {
    let roots = options.ca_file.as_deref().map(read).transpose()?.unwrap_or_default();
    visit(&options.url, &roots)
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    input::read(path, "the CA file")
}

/// Goes to `url`, and then where the authority sends the browser back to.
pub(crate) fn visit(url: &str, roots: &[u8]) -> Result<(), Error> {
    let builder = Ureq::builder();
    let mut ureq = if roots.is_empty() { builder } else { builder.extra_roots(roots) }.build()?;
    // Answers come by forms that send themselves; who runs no scripts is better redirected.
    let url = url.replace("response_mode=form_post", "response_mode=query");
    let back = get(&mut ureq, &url)?.ok_or_else(|| {
        Error::new(ErrorKind::InteractionRequired, "the authority shows a page instead of signing somebody in")
            .advise("start the emulator with --auto-approve USER")
    })?;
    get(&mut ureq, &back).map(drop)
}

/// Where the page at `url` leads.
fn get(ureq: &mut Ureq, url: &str) -> Result<Option<String>, Error> {
    let mut ids = Ids::root();
    let mut ask = Http::get(url.into(), 1 << 20, Duration::from_secs(20));
    ask.proxy = Proxy::Never;
    let reply = ureq.perform(ids.ask(ask)).unwrap_or_else(Effect::decline);
    match ids.take::<Http>(reply) {
        Ok(Some(Ok(response))) => Ok(response.header("location").map(str::to_owned)),
        Ok(Some(Err(failure))) => Err(Error::from(&failure)),
        _ => Err(Error::new(ErrorKind::Network, "nothing was sent")),
    }
}
