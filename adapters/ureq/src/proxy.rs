//! The settings' proxy, as ureq wants it.

use azlatch_core::effect::ProxyAddress;
use ureq::ProxyProtocol;

/// `address` for an agent; exceptions are not its business, since it is only asked what goes through the proxy.
pub(crate) fn of(address: &ProxyAddress) -> Option<ureq::Proxy> {
    let protocol = if address.is_secure() { ProxyProtocol::Https } else { ProxyProtocol::Http };
    let mut builder = ureq::Proxy::builder(protocol).host(address.host()).port(address.port());
    if let Some((name, password)) = address.login() {
        builder = builder.username(name).password(password.expose_secret());
    }
    builder.build().ok()
}
