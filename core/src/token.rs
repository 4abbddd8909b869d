//! One exchange at the token endpoint: [`Post`] sends with patience, [`Exchange`] makes a grant or a refusal of it.

pub mod claims;
mod classify;
mod exchange;
mod introduction;
mod issued;
pub(crate) mod post;
mod response;
mod vouching;

pub(crate) use classify::{classify, unexpected};
pub(crate) use exchange::uuid;
pub use exchange::{Exchange, Exchanged, Exchanger, Refused};
pub(crate) use introduction::introduction;
pub use issued::Token;
pub use post::{Post, Posted, Replay};
pub use response::Granted;
pub use vouching::Vouching;
