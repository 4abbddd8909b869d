//! The pipeline in front of ureq: bodies, statuses, redirects, settings.

#[path = "pipeline/server.rs"]
mod server;

use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use azlatch::pipeline::{Bearer, Pipeline, TokenSource};
use azlatch::prelude::*;
use azlatch::{AccessToken, Demand, ErrorKind};
use azlatch_emulator::Emulator;
use server::Server;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, ResponseExt as _, SendBody};

const CLAIMS: &str = "401 Unauthorized\r\nwww-authenticate: Bearer error=\"insufficient_claims\", claims=\"e30=\"";

/// `token-0`, and a new one after each refusal.
#[derive(Default)]
struct Mint(Mutex<(usize, Vec<AccessToken>)>);

impl TokenSource for Mint {
    fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        let mut mint = self.0.lock().expect("no panic");
        let token = |number| AccessToken::from(format!("token-{number}"));
        if request.demand != Demand::Any || mint.1.contains(&token(mint.0)) {
            mint.0 += 1;
        }
        Ok(token(mint.0))
    }

    fn reject(&self, token: &AccessToken) {
        self.0.lock().expect("no panic").1.push(token.clone());
    }
}

fn pipeline() -> Pipeline<Mint> {
    pipeline_by(Bearer::new(["api/.default"]).expect("scopes"))
}

fn pipeline_by(policy: Bearer) -> Pipeline<Mint> {
    Pipeline::new(policy.allow_insecure_loopback(true), Mint::default())
}

fn agent() -> Agent {
    pipeline().agent(plain())
}

/// An agent that goes by no proxy.
fn plain() -> Agent {
    Agent::config_builder().proxy(None).build().new_agent()
}

/// Refuses `token-0` with claims.
fn wants_another() -> Server {
    Server::start(|seen| if seen.token() == Some("token-0") { CLAIMS.into() } else { "200 OK".into() })
}

#[test]
fn a_body_is_sent_again_with_the_token_that_was_wanted() {
    // Of known length, of unknown length, empty, none.
    for kind in ["known", "unknown", "empty", "none"] {
        let (server, agent) = (wants_another(), agent());
        let request = agent.post(server.url("/a?b=c")).header("authorization", "Basic mine").header("x", "y");
        let response = match kind {
            "known" => request.send("the body"),
            "unknown" => request.send(SendBody::from_reader(&mut "the body".as_bytes())),
            "empty" => request.send_empty(),
            _ => agent.get(server.url("/a?b=c")).header("x", "y").call(),
        };
        let response = response.expect("a response");
        assert_eq!(response.get_uri().path(), "/a");
        assert_eq!((server.tokens(), server.connections()), (vec!["token-0".into(), "token-1".into()], 1), "{kind}");
        for seen in server.seen() {
            let (what, body, length) = match kind {
                "known" | "unknown" => ("POST /a?b=c", "the body", Some("8")),
                "empty" => ("POST /a?b=c", "", Some("0")),
                _ => ("GET /a?b=c", "", None),
            };
            assert_eq!((seen.what.as_str(), seen.body.as_slice()), (what, body.as_bytes()), "{kind}");
            assert_eq!((seen.header("content-length"), seen.header("x")), (length, Some("y")), "{kind}");
            assert_eq!(seen.header("transfer-encoding"), None);
        }
    }
}

#[test]
fn a_large_body_is_sent_once_and_what_its_401_teaches_is_learnt() {
    for known in [true, false] {
        let (server, pipeline) = (wants_another(), pipeline().body_limit(100));
        let agent = pipeline.agent(plain());
        let body = "0123456789".repeat(20);
        let request = agent.put(server.url("/")).config().http_status_as_error(false).build();
        let response = match known {
            true => request.send(&body),
            false => request.send(SendBody::from_reader(&mut body.as_bytes())),
        };
        assert_eq!(response.expect("a response").status(), 401);
        let seen = server.seen();
        assert_eq!((seen.len(), &seen[0].body), (1, &body.clone().into_bytes()));
        assert_eq!(seen[0].header("content-length"), known.then_some("200"));
        assert_eq!(pipeline.source().0.lock().expect("no panic").1, ["token-0".into()]);
        agent.put(server.url("/")).send(&body).expect("a good token");
        assert_eq!(server.tokens(), ["token-0", "token-1"]);
    }
}

#[test]
fn a_body_is_held_back_until_the_resource_has_said_which_token_it_wants() {
    for (limit, method) in [(0, "PUT"), (1000, "PUT"), (1000, "DELETE")] {
        let server = Server::start(|seen| match seen.token() {
            None => concat!(
                "401 Unauthorized\r\nwww-authenticate: Bearer authorization=\"https://login.microsoftonline.com/t\", ",
                "resource=\"https://127.0.0.1\""
            )
            .into(),
            Some(_) => "200 OK".into(),
        });
        let agent = pipeline_by(Bearer::from_challenges()).body_limit(limit).agent(plain());
        for _ in 0..2 {
            let request = http::Request::builder().method(method).uri(server.url("/")).body("s3cret");
            agent.run(request.expect("a request")).expect("a response");
        }
        let bodies: Vec<_> =
            server.seen().into_iter().map(|seen| String::from_utf8(seen.body).expect("text")).collect();
        assert_eq!(
            (server.tokens(), bodies.concat()),
            (["none", "token-0", "token-0"].map(str::to_owned).into(), "s3cret".repeat(2))
        );
        assert_eq!(server.seen()[0].header("content-length"), Some("0"));
    }
}

#[test]
fn statuses_are_errors_if_the_agent_or_the_request_says_so() {
    for (by_agent, by_request) in [(true, None), (false, None), (true, Some(false)), (false, Some(true))] {
        let server = Server::start(|seen| if seen.what.ends_with("/401") { CLAIMS } else { "503 Busy" }.into());
        let inner = Agent::config_builder().proxy(None).http_status_as_error(by_agent).build().new_agent();
        let agent = pipeline().agent(inner);
        for (path, status) in [("/401", 401), ("/503", 503)] {
            let request = agent.get(server.url(path));
            let response = match by_request {
                Some(error) => request.config().http_status_as_error(error).build().call(),
                None => request.call(),
            };
            match response {
                Err(ureq::Error::StatusCode(found)) if by_request.unwrap_or(by_agent) => assert_eq!(found, status),
                Ok(response) if !by_request.unwrap_or(by_agent) => assert_eq!(response.status(), status),
                other => panic!("{by_agent} {by_request:?} {path}: {other:?}"),
            }
        }
        assert_eq!(server.tokens().len(), 3, "the challenge was answered");
    }
}

#[test]
fn a_redirect_within_the_site_has_a_token_and_to_another_has_none() {
    let other = Server::start(|_| "200 OK".into());
    let elsewhere = other.url("/there");
    let server = Server::start(move |seen| match seen.what.as_str() {
        "GET /out" => format!("302 Found\r\nlocation: {elsewhere}"),
        "POST /within" => "303 See Other\r\nlocation: /here".into(),
        "GET /here" if seen.token() == Some("token-0") => CLAIMS.into(),
        "GET /here" => "200 OK".into(),
        "POST /again" => "307 Again\r\nlocation: /here".into(),
        _ => "302 Found\r\nlocation: /round".into(),
    });
    let inner = Agent::config_builder().proxy(None).redirect_auth_headers(ureq::config::RedirectAuthHeaders::SameHost);
    let agent = pipeline().agent(inner.build().new_agent());
    let there = agent.get(server.url("/out")).header("authorization", "Basic mine").call().expect("a response");
    assert_eq!(there.get_uri().to_string(), other.url("/there"));
    assert_eq!(other.tokens(), ["none"], "the same host, another port");

    let request = http::Request::post(server.url("/within")).body("a body").expect("a request");
    agent.run(request).expect("a response");
    assert_eq!(server.tokens(), ["token-0", "token-0", "token-0", "token-1"]);
    for name in ["content-length", "transfer-encoding"] {
        assert_eq!(server.seen()[2].header(name), None);
    }

    let failed = agent.post(server.url("/again")).send("a body");
    assert!(matches!(failed, Err(ureq::Error::RedirectFailed)), "{failed:?}");

    for (most, error, status) in [(2, true, None), (2, false, Some(302)), (0, true, Some(302))] {
        let before = server.seen().len();
        let request = agent.get(server.url("/round")).config().max_redirects(most).max_redirects_will_error(error);
        match (request.build().call(), status) {
            (Err(ureq::Error::TooManyRedirects), None) => {}
            (Ok(response), Some(status)) => assert_eq!(response.status(), status),
            (other, _) => panic!("{most} {error}: {other:?}"),
        }
        assert_eq!(server.seen().len() - before, most as usize + 1);
    }
}

#[test]
fn settings_and_middleware_of_the_agent_hold() {
    let server = Server::start(|seen| {
        if seen.what.ends_with("/slow") {
            thread::sleep(Duration::from_secs(2));
        }
        "200 OK".into()
    });
    let inner = Agent::config_builder()
        .proxy(None)
        .user_agent("mine/1.0")
        .timeout_global(Some(Duration::from_millis(300)))
        .middleware(|mut request: http::Request<SendBody<'_>>, next: ureq::middleware::MiddlewareNext<'_>| {
            request.headers_mut().insert("x-inner", "yes".parse().expect("a value"));
            next.handle(request)
        })
        .build();
    let agent = pipeline().agent(inner.new_agent());
    agent.get(server.url("/")).config().accept("text/x-mine").build().call().expect("a response");
    let seen = &server.seen()[0];
    assert_eq!(
        ["user-agent", "accept", "x-inner"].map(|name| seen.header(name)),
        [Some("mine/1.0"), Some("text/x-mine"), Some("yes")]
    );
    let start = Instant::now();
    let slow = agent.get(server.url("/slow")).call();
    assert!(matches!(slow, Err(ureq::Error::Timeout(_))), "{slow:?}");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn https_goes_by_the_agents_own_tls() {
    let emulator = Emulator::builder().start().expect("an emulator");
    let roots = parse_pem(emulator.ca_pem().as_bytes()).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&roots.collect::<Vec<_>>()))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let inner = Agent::config_builder().proxy(None).tls_config(tls).build().new_agent();
    let strict = Pipeline::new(Bearer::new(["api/.default"]).expect("scopes"), Mint::default());
    let url = format!("{}/tenant/v2.0/.well-known/openid-configuration", emulator.authority());
    let agent = strict.agent(inner);
    for connections in [1, 1] {
        let text = agent.get(&url).call().expect("a response").body_mut().read_to_string().expect("a body");
        assert!(text.contains("token_endpoint"), "{text}");
        assert_eq!(emulator.connections(), connections, "connections are kept");
    }
}

#[test]
fn why_there_is_no_token_is_an_error_of_ours_and_nothing_is_sent() {
    let server = Server::start(|_| "200 OK".into());
    let strict = Pipeline::new(Bearer::new(["api/.default"]).expect("scopes"), Mint::default());
    let error = strict.agent(plain()).get(server.url("/")).call().expect_err("plain http");
    let ureq::Error::Other(error) = error else { panic!("{error:?}") };
    assert_eq!(error.downcast::<Error>().expect("ours").kind(), ErrorKind::Configuration);
    assert_eq!(server.seen().len(), 0);
}

#[test]
fn many_threads_share_an_agent() {
    let (server, agent) = (wants_another(), agent());
    let send = || {
        let mut body = String::new();
        let mut response = agent.post(server.url("/")).send("the body").expect("a response");
        response.body_mut().as_reader().read_to_string(&mut body).expect("a body");
    };
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(send);
        }
    });
    // One by the claims, and perhaps one for somebody who asked between the rejection and that.
    let good = ["token-0", "token-1", "token-2"];
    assert!(server.tokens().iter().all(|token| good.contains(&token.as_str())), "{:?}", server.tokens());
}
