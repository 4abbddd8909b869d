//! One suite for every driver of a kind: what a host may rely on, whoever performs the effect.

mod hostile;
mod hostile_identity;
mod hostile_scripts;
mod http;
mod http_connections;
mod http_exchange;
mod http_faults;
mod http_limits;
mod http_proxies;
mod http_redirects;
mod http_rules;
mod http_tls;
mod store;
