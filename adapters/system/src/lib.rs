//! The machine for azlatch: clocks, rest, randomness, environment variables, bounded file reads; and its user: a
//! loopback listener for redirects, the browser, prompts.
//!
//! ```
//! use azlatch_system::Clock;
//!
//! let clock = Clock::new();
//! let (first, second) = (clock.now(), clock.now());
//! assert!(first.mono <= second.mono);
//! ```
//!
//! [`System`] performs what flows ask of the machine. Here a sign-in's redirect, walked by hand; `knock` is the browser:
//!
//! ```
//! use std::io::{Read as _, Write as _};
//! use std::time::Duration;
//!
//! use azlatch_core::Host;
//! use azlatch_core::effect::{Close, Effect, Farewell, Ids, Listen, Receive};
//! use azlatch_system::System;
//!
//! fn knock(port: u16) -> std::io::Result<String> {
//!     let mut browser = std::net::TcpStream::connect(("127.0.0.1", port))?;
//!     write!(browser, "GET /?code=c0de&state=s7a7e HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n")?;
//!     let mut page = String::new();
//!     browser.read_to_string(&mut page)?;
//!     Ok(page)
//! }
//!
//! let (mut system, mut ids, minute) = (System::default(), Ids::root(), Duration::from_secs(60));
//!
//! let listen = Listen { port: 0, path: "/".into(), state: "s7a7e".into(), timeout: minute };
//! let reply = system.perform(ids.ask(listen)).unwrap_or_else(Effect::decline);
//! let listening = ids.take::<Listen>(reply).unwrap().unwrap().unwrap();
//! let browser = std::thread::spawn(move || knock(listening.port));
//!
//! let receive = Receive { listener: listening.listener, span: minute };
//! let reply = system.perform(ids.ask(receive)).unwrap_or_else(Effect::decline);
//! let redirect = ids.take::<Receive>(reply).unwrap().unwrap().unwrap().unwrap();
//! assert_eq!(redirect.parameters[0].1.expose_secret(), "c0de");
//!
//! // The browser waits until it is known whether the code was worth anything.
//! let close = Close { listener: listening.listener, farewell: Farewell::SignedIn };
//! let _ = system.perform(ids.ask(close));
//! assert!(browser.join().unwrap().unwrap().contains("You are signed in."));
//! ```

mod browser;
mod clock;
mod environment;
mod files;
mod loopback;
mod page;
mod prompt;

pub use clock::Clock;
pub use environment::Environment;

use std::sync::Arc;

use azlatch_core::Host;
use azlatch_core::effect::{Effect, Prompt, Random, RandomFault, Reply};
use azlatch_core::secret::Secret;

use loopback::Loopback;
use prompt::Screen;

/// The driver: rest, randomness, environment, files; loopback listeners, the browser, prompts.
///
/// Clones share their listeners, which are closed when the last clone is dropped. A browser is opened only if the
/// environment names one, or a screen for one, and the folders where programs are (`PATH`); so the default, which has
/// no environment, opens none (but on Windows and macOS, where the system's own way is known without).
#[derive(Clone, Debug, Default)]
pub struct System {
    environment: Environment,
    loopback: Arc<Loopback>,
    screen: Screen,
}

impl System {
    /// With the environment variables of `environment` instead of none.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        Self { environment, ..Self::default() }
    }

    /// Shows prompts through `show`, which must not block, instead of writing them to standard error.
    ///
    /// A panic of `show` is the caller's: it passes through.
    #[must_use]
    pub fn prompt(mut self, show: impl Fn(&Prompt) + Send + Sync + 'static) -> Self {
        self.screen = Screen::new(show);
        self
    }
}

impl Host for System {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        Ok(match effect {
            Effect::Wait(ask) => {
                std::thread::sleep(ask.op.span);
                ask.answer(())
            }
            Effect::Random(ask) => {
                let answer = random(ask.op);
                ask.answer(answer)
            }
            Effect::Env(ask) => {
                let answer = ask.op.names.iter().map(|name| self.environment.get(name).map(Secret::from)).collect();
                ask.answer(answer)
            }
            Effect::ReadFile(ask) => {
                let answer = files::read(&ask.op);
                ask.answer(answer)
            }
            Effect::Listen(ask) => {
                let answer = self.loopback.listen(&ask.op);
                ask.answer(answer)
            }
            Effect::Browse(ask) => {
                let answer = browser::open(&ask.op, &self.environment);
                ask.answer(answer)
            }
            Effect::Receive(ask) => {
                let answer = self.loopback.receive(ask.op);
                ask.answer(answer)
            }
            Effect::Close(ask) => {
                self.loopback.close(&ask.op);
                ask.answer(())
            }
            Effect::Prompt(ask) => {
                let answer = self.screen.show(&ask.op);
                ask.answer(answer)
            }
            other => return Err(other),
        })
    }
}

fn random(ask: Random) -> Result<Secret<[u8]>, RandomFault> {
    let mut bytes = vec![0; ask.len];
    getrandom::fill(&mut bytes).map_err(|_| RandomFault)?;
    Ok(bytes.into())
}
