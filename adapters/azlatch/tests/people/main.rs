//! People sign in to the emulator over HTTPS, once, and their programs go on silently: in a browser (this very program,
//! started as one), with a device code, a code in hand, a password.
#![cfg(all(feature = "async-std", feature = "username-password"))]

mod accounts;
mod browser;
mod credentials;
mod once;
mod place;
