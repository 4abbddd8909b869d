//! What a miss costs over real HTTPS, in processor time of this process, beside a bare POST of the same bytes; and
//! what building a credential costs. The emulator runs in a process of its own.
//!
//! `cargo bench -p azlatch-benches --bench network`

mod compare;
mod fakes;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use azlatch::{Adapters, Bind as _};
use azlatch_core::Host;
use azlatch_core::effect::{Effect, Reply};
use azlatch_emulator::Emulator;
use compare::Limit::{AtMost, Free};
use compare::{compare_by, median, row, seconds, table};
use fakes::{Authority, describe, scope};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

fn main() {
    if std::env::args().nth(1).is_some_and(|word| word == "--serve") {
        return serve();
    }
    misses();
    building();
}

/// The child: says where it is, and ends when its parent does.
#[allow(clippy::print_stdout, reason = "its parent reads it")]
fn serve() {
    let emulator = Emulator::builder().start().expect("an emulator");
    println!("{}\n{}END", emulator.authority(), emulator.ca_pem());
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// The time that the processor spent on this process.
fn spent() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Notes the request that it sees, and answers nothing.
#[derive(Clone, Default)]
struct Witness(Arc<Mutex<Option<Seen>>>);

struct Seen {
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    /// The request itself, to be made again without the flow around it.
    effect: Effect,
}

impl Host for Witness {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        if let Effect::Http(ask) = &effect {
            let header = |header: &azlatch_core::effect::Header| {
                (header.name.to_owned(), header.value.expose_secret().to_owned())
            };
            let body = ask.op.body.as_ref().map(|body| body.expose_secret()).unwrap_or_default();
            *self.0.lock().expect("no panic") = Some(Seen {
                url: ask.op.url.clone(),
                headers: ask.op.headers.iter().map(header).collect(),
                body: String::from_utf8_lossy(body).into_owned(),
                effect: effect.clone(),
            });
        }
        Err(effect)
    }
}

fn misses() {
    let own = std::env::current_exe().expect("a path");
    let mut child =
        Command::new(own).arg("--serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map(|line| line.expect("a line"));
    let authority = lines.next().expect("an address");
    let pem: String = lines.take_while(|line| line != "END").map(|line| line + "\n").collect();

    table("A miss over loopback HTTPS, a kept connection, processor time", "azlatch", "bare POST");
    let described = || describe().authority_host(&authority).expect("an address");
    let adapters = Adapters::in_environment([("HOME", "/nonexistent")].into_iter().collect()).expect("adapters");
    let witness = Witness::default();
    let seeing = described().blocking_with(&adapters.clone().http(witness.clone())).expect("bound");
    seeing.get_token(&[scope(0)]).expect_err("nobody answers");
    let Seen { url, headers, body, effect } = witness.0.lock().expect("no panic").take().expect("a request");
    let credential =
        described().blocking_with(&adapters.extra_roots(pem.as_bytes()).expect("a certificate")).expect("bound");

    let agent = agent(&pem);
    let post = |body: String| {
        let mut request = agent.post(&url);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let mut response = request.send(body).expect("a response");
        assert_eq!(response.status(), 200);
        std::hint::black_box(response.body_mut().read_to_vec().expect("a body"));
    };
    let (mut i, mut j) = (0, 0);
    compare_by(
        spent,
        "a miss, another key each time",
        AtMost(1.2),
        (40, 50),
        || {
            i += 1;
            drop(credential.get_token(&[scope(i)]).expect("a token"));
        },
        || {
            j += 1;
            post(body.replace("resource-000000", &format!("resource-{j:06}")));
        },
    );
    let mut driver = azlatch_ureq::Ureq::builder().extra_roots(pem.as_bytes()).build().expect("a driver");
    compare_by(
        spent,
        "the driver alone",
        AtMost(1.2),
        (40, 50),
        || {
            drop(driver.perform(effect.clone()).expect("an answer"));
        },
        || {
            j += 1;
            post(body.replace("resource-000000", &format!("resource-{j:06}")));
        },
    );
    drop(child.stdin.take());
    let _ = child.wait();
}

/// The configuration of our driver, with the one root that counts.
fn agent(pem: &str) -> ureq::Agent {
    let root = Certificate::from_pem(pem.as_bytes()).expect("a certificate");
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::Specific(Arc::new(vec![root])))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    ureq::Agent::config_builder().tls_config(tls).timeout_global(Some(Duration::from_secs(30))).build().into()
}

/// Describing and binding, to the end of the first use that needs no network.
fn building() {
    table("Building a credential, processor time", "azlatch", "azure_identity");
    let authority = Authority::new(86_399);
    let adapters = authority.adapters();
    let bind = || drop(std::hint::black_box(describe().blocking_with(&adapters).expect("bound")));
    let other = || drop(std::hint::black_box(authority.other()));
    compare_by(spent, "a credential; azure_identity's, the transport given", Free, (40, 200), bind, other);
    let each = |work: &dyn Fn()| {
        let round = || {
            let from = spent();
            (0..200).for_each(|_| work());
            (spent() - from).as_secs_f64() / 200.0
        };
        median((0..20).map(|_| round()).collect())
    };
    let alone = each(&bind);
    row("a credential", &seconds(alone), "", None, "≤ 50 µs", alone <= 50e-6);
    let whole = each(&|| drop(std::hint::black_box(describe().blocking().expect("bound"))));
    row("a credential and its adapters", &seconds(whole), "", None, "≤ 50 µs", whole <= 50e-6);
}
