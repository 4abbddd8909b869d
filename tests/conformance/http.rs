//! One suite for every HTTP driver.
//!
//! A driver joins by implementing [`HttpDriver`] and adding a line of `suite!`; every case then is a test of its own.
//! The cases look at both ends: what the driver answers, and what the [hostile server](crate::hostile) saw. Names
//! that begin with `n_` are rows of the fault matrix.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use azlatch_async_std::{AsyncStd, block_on};
use azlatch_core::effect::{Effect, Failure, FailureKind, Http, Ids, Proxy, ProxySettings, Reply, Response, Sent};
use azlatch_core::{AsyncHost, Error, Host};
use azlatch_ureq::Ureq;

use crate::hostile::Hostile;
use crate::hostile_identity::roots;

/// A driver under test, as a host.
pub(crate) trait HttpDriver: Host + Clone + Debug + Send + 'static {
    /// Makes one that trusts `roots` (PEM) beside the platform's.
    fn build(roots: &[u8], proxies: Proxies<'_>) -> Result<Self, Error>;
}

/// Which proxies a driver is told to use.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Proxies<'a> {
    /// None.
    None,
    /// What the environment says.
    Environment,
    /// This one, except for these hosts.
    At { url: &'a str, except: &'a str },
}

impl HttpDriver for Ureq {
    fn build(roots: &[u8], proxies: Proxies<'_>) -> Result<Self, Error> {
        let builder = Self::builder().extra_roots(roots);
        match proxies {
            Proxies::None => builder.proxy(ProxySettings::none()),
            Proxies::Environment => builder,
            Proxies::At { url, except } => builder.proxy(ProxySettings::new(Some(url), Some(except))),
        }
        .build()
    }
}

/// The async driver, from blocking code.
#[derive(Clone, Debug)]
pub(crate) struct Blocked<H>(pub(crate) H);

impl<H: AsyncHost> Host for Blocked<H> {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        block_on(self.0.perform(effect))
    }
}

impl HttpDriver for Blocked<AsyncStd> {
    fn build(roots: &[u8], proxies: Proxies<'_>) -> Result<Self, Error> {
        let builder = AsyncStd::builder().extra_roots(roots);
        match proxies {
            Proxies::None => builder.proxy(ProxySettings::none()),
            Proxies::Environment => builder,
            Proxies::At { url, except } => builder.proxy(ProxySettings::new(Some(url), Some(except))),
        }
        .build()
        .map(Self)
    }
}

/// What every request carries in body and header, and no log may show.
pub(crate) const SECRET: &str = "open-sesame";
/// What hostile servers put into everything they say, and no failure may repeat.
pub(crate) const REMOTE_WORD: &str = "xyzzy";
/// The time that requests get here.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(300);
/// How late an answer may be.
const GRACE: Duration = Duration::from_millis(250);
/// The time of requests that are expected to be answered: plenty, for busy machines.
const PLENTY: Duration = Duration::from_secs(10);
/// The most that answers may be large.
pub(crate) const LIMIT: usize = 64 * 1024;

pub(crate) type Outcome = Result<Response, Failure>;

/// A driver without a proxy.
pub(crate) fn driver<D: HttpDriver>() -> D {
    D::build(roots(), Proxies::None).expect("a driver")
}

/// A driver with a proxy, which `except` need not use.
pub(crate) fn driver_via<D: HttpDriver>(url: &str, except: &str) -> D {
    D::build(roots(), Proxies::At { url, except }).expect("a driver")
}

/// A POST with secrets in its header and body, straight to `url`.
pub(crate) fn post(url: impl Into<String>) -> Http {
    let body = format!("grant_type=refresh_token&refresh_token={SECRET}");
    let mut http = Http::post(url.into(), body.as_bytes().into(), LIMIT, PLENTY).header("x-secret", SECRET);
    http.proxy = Proxy::Never;
    http
}

/// A GET with a secret header, straight from `url`.
pub(crate) fn get(url: impl Into<String>) -> Http {
    let mut http = Http::get(url.into(), LIMIT, PLENTY).header("x-secret", SECRET);
    http.proxy = Proxy::Never;
    http
}

/// The same request, perhaps through a proxy.
pub(crate) fn perhaps_proxied(mut http: Http) -> Http {
    http.proxy = Proxy::Environment;
    http
}

/// The same request with the short timeout.
pub(crate) fn hasty(mut http: Http) -> Http {
    http.timeout = TIMEOUT;
    http
}

/// Performs `http`. No driver ever shows a secret or repeats the server's words.
pub(crate) fn send<D: HttpDriver>(driver: &D, http: Http) -> Outcome {
    let mut ids = Ids::root();
    let answer = driver.clone().perform(ids.ask(http)).expect("an HTTP driver performs Http");
    let outcome = ids.take::<Http>(answer).expect("the reply to this question").expect("not declined");
    let shown = format!("{outcome:?} {driver:?}");
    assert!(!shown.contains(SECRET), "a secret is shown: {shown}");
    if let Err(failure) = &outcome {
        assert!(!failure.detail.contains(REMOTE_WORD), "the server's words are repeated: {failure:?}");
    }
    outcome
}

/// Asserts a failure of one of `kinds`.
#[track_caller]
pub(crate) fn assert_fails(case: &str, outcome: &Outcome, sent: Sent, kinds: &[FailureKind]) {
    assert!(is_failure(outcome, sent, kinds), "{case}: expected {sent:?} and one of {kinds:?}, got {outcome:?}");
}

/// Asserts that `http` fails so before its time, the short timeout, is long over.
///
/// A busy machine can delay anybody, so there are three attempts; a driver without a deadline fails them all.
#[track_caller]
pub(crate) fn assert_fails_in_time<D: HttpDriver>(
    case: &str,
    driver: &D,
    http: &Http,
    sent: Sent,
    kinds: &[FailureKind],
) {
    let mut attempts = Vec::new();
    for _ in 0..3 {
        let begin = Instant::now();
        let outcome = send(driver, hasty(http.clone()));
        let took = begin.elapsed();
        if took <= TIMEOUT + GRACE && is_failure(&outcome, sent, kinds) {
            return;
        }
        attempts.push((took, outcome));
    }
    panic!("{case}: expected {sent:?} and one of {kinds:?} within {TIMEOUT:?}, got {attempts:?}");
}

fn is_failure(outcome: &Outcome, sent: Sent, kinds: &[FailureKind]) -> bool {
    matches!(outcome, Err(failure) if failure.sent == sent && kinds.contains(&failure.kind))
}

/// Asserts that `server` saw nothing of the request: neither secret, nor a request line of its own.
#[track_caller]
pub(crate) fn assert_saw_nothing(case: &str, server: &Hostile) {
    let received = String::from_utf8_lossy(&server.received()).into_owned();
    for word in [SECRET, "POST ", "GET ", "HTTP/1.1"] {
        assert!(!received.contains(word), "{case}: the server saw {received:?}");
    }
}

/// The cases, as tests of each driver.
macro_rules! suite {
    ($($module:ident: $driver:ty;)+) => {
        $(mod $module {
            suite! { $driver =>
                http_exchange: {
                    a_get_arrives_as_asked, a_post_arrives_as_asked, every_status_is_an_ordinary_response,
                    an_interim_response_is_not_the_answer, chunked_bodies_are_put_together,
                    header_lookup_wants_one_value, header_values_that_are_not_ascii_are_left_out,
                    compression_is_not_offered, a_wait_is_honoured, other_effects_are_handed_back,
                }
                http_limits: {
                    a_body_at_the_limit_is_accepted_and_one_byte_more_is_too_large,
                    n_09_a_compressed_bomb_stays_packed, n_09_an_endless_body_is_cut_off,
                    n_09_an_endless_head_is_cut_off,
                }
                http_connections: {
                    a_connection_is_kept_for_the_next_request,
                    a_connection_that_was_closed_in_between_is_not_an_error,
                    a_request_is_never_repeated, leftover_bytes_answer_nothing,
                    thirty_two_threads_share_a_driver,
                }
                http_faults: {
                    n_01_a_refused_port_sent_nothing, n_01_an_unknown_name_sent_nothing,
                    n_02_silence_ends_at_the_deadline,
                    n_03_a_slow_drip_ends_at_the_total_deadline, n_04_a_torn_connection_may_have_sent,
                    n_06_what_is_not_http_is_a_failure,
                }
                http_tls: {
                    n_05_a_bad_certificate_ends_it_before_anything_is_sent,
                    n_05_a_good_certificate_is_accepted_by_name_and_address,
                    n_05_what_is_not_tls_ends_it_before_anything_is_sent,
                    n_05_a_handshake_that_breaks_off_sent_nothing,
                    n_05_an_alert_after_the_handshake_may_have_sent,
                    n_05_a_body_cut_short_behind_tls_is_not_an_answer,
                    extra_roots_must_be_certificates,
                }
                http_redirects: {
                    n_10_redirects_are_answers_and_never_followed,
                }
                http_proxies: {
                    n_11_an_authority_is_reached_through_the_proxy, n_11_the_proxy_learns_only_the_name,
                    n_11_the_proxy_may_speak_tls, n_11_the_proxy_gets_its_own_credentials,
                    n_11_some_requests_never_go_through_the_proxy, n_11_exceptions_are_honoured,
                    n_11_the_environment_names_the_proxy, n_12_a_proxy_that_refuses_is_told_apart,
                    n_12_a_proxy_that_lingers_ends_at_the_deadline, n_12_tls_is_judged_behind_the_proxy,
                    the_proxy_password_is_never_shown,
                    a_proxy_of_plain_http_is_never_used_in_the_clear,
                }
                http_rules: {
                    plain_http_is_for_this_machine_alone, n_33_addresses_that_deceive_are_refused,
                    n_33_every_spelling_of_this_machine_counts, a_get_with_a_body_is_refused,
                    a_header_value_cannot_break_out,
                }
            }
        })+
    };
    ($driver:ty => $($file:ident: { $($case:ident,)+ })+) => {
        $($(
            #[test]
            fn $case() {
                crate::$file::$case::<$driver>();
            }
        )+)+
    };
}

suite! {
    ureq: azlatch_ureq::Ureq;
    async_std: crate::http::Blocked<azlatch_async_std::AsyncStd>;
}
