//! A Key Vault with a few secrets, on this machine: enough of its REST interface for an official client.
//!
//! Like the real one it answers who comes without a token with 401 and a challenge that names the resource. Which token
//! it is shown it does not judge; it remembers it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Its name. The client compares it with the challenge, so it is a real vault's; it must be resolved to
/// [`Vault::address`].
pub(crate) const NAME: &str = "contoso.vault.azure.net";

/// A running vault, to the end of the process.
pub(crate) struct Vault {
    address: SocketAddr,
    certificate: String,
    seen: Arc<Mutex<Vec<Option<String>>>>,
}

impl Vault {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([NAME.to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("a server");
        let (config, seen) = (Arc::new(config), Arc::new(Mutex::default()));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let vault = Self {
            address: listener.local_addr().expect("an address"),
            certificate: cert.pem(),
            seen: Arc::clone(&seen),
        };
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let (config, seen) = (Arc::clone(&config), Arc::clone(&seen));
                thread::spawn(move || serve(tcp, config, &seen));
            }
        });
        vault
    }

    /// `https://contoso.vault.azure.net`, at its port.
    pub(crate) fn url(&self) -> String {
        format!("https://{NAME}:{}", self.address.port())
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate to trust, in PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The bearer token of each request so far; `None` for one that had none.
    pub(crate) fn seen(&self) -> Vec<Option<String>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One connection: GETs until the client has enough.
fn serve(tcp: TcpStream, config: Arc<ServerConfig>, seen: &Mutex<Vec<Option<String>>>) {
    let Ok(session) = ServerConnection::new(config) else { return };
    let _ = tcp.set_read_timeout(Some(Duration::from_secs(30)));
    let mut stream = BufReader::new(StreamOwned::new(session, tcp));
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            match stream.read_line(&mut line) {
                Ok(read) if read > 0 => {}
                _ => return,
            }
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or("/").to_owned();
        let token = head.iter().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("authorization").then(|| value.trim().trim_start_matches("Bearer ").to_owned())
        });
        let answer = answer(&path, token.is_some());
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(token);
        if stream.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(path: &str, authorized: bool) -> String {
    let name = path.split(['/', '?']).nth(2).unwrap_or_default();
    let (status, header, body) = if authorized {
        let id = format!("https://{NAME}/secrets/{name}/1");
        ("200 OK", "", format!(r#"{{"id":"{id}","value":"value of {name}","attributes":{{"enabled":true}}}}"#))
    } else {
        let challenge = concat!(
            "WWW-Authenticate: Bearer authorization=\"https://login.microsoftonline.com/contoso\", ",
            "resource=\"https://vault.azure.net\"\r\n"
        );
        ("401 Unauthorized", challenge, r#"{"error":{"code":"Unauthorized","message":"no token"}}"#.to_owned())
    };
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{header}Content-Length: {length}\r\n\r\n{body}")
}
