//! A local Microsoft Entra ID ("Entra") for tests and developers.
//!
//! Two layers. [`Entra`] is a pure model: a request and the time go in, an answer comes out; it opens no socket,
//! reads no clock and draws no random number, so a test can play a year of token refreshes in a millisecond and get
//! the same bytes each time. [`Emulator`] puts the model behind HTTPS on the loopback interface, with a certificate
//! authority made for the one start, so that any client, in any language, can be pointed at it.
//!
//! ```text
//!   client ──HTTPS──▶ Emulator ──Request, now──▶ Entra ──▶ settings, sign-ins, refresh tokens, faults
//!          ◀─bytes──           ◀─Answer+Conduct─       ──▶ counters, log
//! ```
//!
//! An [`Answer`] carries a [`Conduct`]: whether the server sends it at once, late, in part, byte by byte, or closes
//! the connection instead. Faults are thus decided by the model, in order and by count, and only carried out by the
//! server.
//!
//! It is no identity provider: users sign in, but whoever says so is one, and the tokens it mints are signed by nobody
//! (their header names the algorithms `none` and `EMULATOR`), so that no service that checks signatures can take them
//! for real.
//!
//! # The model alone
//!
//! ```
//! use azlatch_emulator::{Entra, Fault, Request, Settings};
//!
//! let mut entra = Entra::new(Settings::default());
//! let request = Request::form(
//!     "/contoso.test/oauth2/v2.0/token",
//!     &[
//!         ("grant_type", "client_credentials"),
//!         ("client_id", "11111111-2222-3333-4444-555555555555"),
//!         ("client_secret", "a secret"),
//!         ("scope", "https://vault.azure.net/.default"),
//!     ],
//! );
//!
//! let now = 1_800_000_000;
//! let answer = entra.answer(now, &request);
//! assert_eq!(answer.status, 200);
//! let json: serde_json::Value = serde_json::from_slice(&answer.body)?;
//! assert_eq!(json["token_type"], "Bearer");
//! assert_eq!(json["expires_in"], 3599);
//!
//! // Who was this token minted for?
//! let token = json["access_token"].as_str().unwrap();
//! let issued = entra.issued(token).unwrap();
//! assert_eq!(issued.scopes, ["https://vault.azure.net/.default"]);
//! assert_eq!(issued.expires_on, now + 3599);
//!
//! // The next answer is a fault, the one after that is a token again.
//! entra.script(Fault::status(503).retry_after("7"));
//! let answer = entra.answer(now, &request);
//! assert_eq!((answer.status, answer.header("retry-after")), (503, Some("7")));
//! assert_eq!(entra.answer(now, &request).status, 200);
//! assert_eq!(entra.counters().token_requests, 3);
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # Users
//!
//! A user signs in on the pages of the authorization endpoint, by a device code, or by the password grant; a script
//! that has no browser lets [`Settings::auto_approve`] do it.
//!
//! ```
//! use azlatch_emulator::{Entra, Request, Settings};
//!
//! let ada = Some("ada@contoso.test".to_owned());
//! let mut entra = Entra::new(Settings { auto_approve: ada, ..Settings::default() });
//! let request = "/organizations/oauth2/v2.0/authorize?response_type=code&client_id=a&state=s&scope=openid\
//!     &redirect_uri=http%3A%2F%2Flocalhost%3A8400";
//! let answer = entra.answer(1_800_000_000, &Request::new("GET", request));
//! assert_eq!(answer.status, 302);
//! assert!(answer.header("location").unwrap().starts_with("http://localhost:8400/?code=1."));
//! ```
//!
//! # Behind HTTPS
//!
//! Under the feature `server`, which is on unless switched off.
//!
//! ```
//! # #[cfg(feature = "server")] {
//! use azlatch_emulator::{Emulator, Fault};
//!
//! let emulator = Emulator::builder().start()?;
//! assert!(emulator.authority().starts_with("https://localhost:"));
//! assert!(emulator.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
//! emulator.with(|entra| entra.script(Fault::reset().times(1)));
//! emulator.stop();
//! # }
//! # Ok::<(), std::io::Error>(())
//! ```

mod model;
#[cfg(feature = "server")]
mod server;

pub use model::{
    Answer, Client, Conduct, Counters, Entra, Entry, Fault, Issued, Kind, Request, Settings, Target, User,
};
#[cfg(feature = "server")]
pub use server::{Builder, Emulator};

// Compiles and runs what the README shows.
#[cfg(all(doctest, feature = "server"))]
#[doc = include_str!("../README.md")]
struct Readme;
