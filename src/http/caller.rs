//! Who calls: without credentials the server listens on loopback only, and whoever reaches it is its ADMIN.
//!
//! A page of another site must not act through its visitor's browser, so a request that a browser marks as another
//! origin's is refused.

use std::net::SocketAddr;

use axum::http::{HeaderMap, header};
use url::Url;

use crate::domain::caller::Caller;

/// The caller of a request from this address.
pub fn of(peer: SocketAddr) -> Caller {
    Caller::local_admin(Some(peer.ip().to_string()))
}

/// Whether a browser sent this from a page of another origin than this server's. Tools send no Origin.
pub fn is_foreign(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let origin = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok());
    let Some(origin) = origin else { return true };
    // A page of this machine's own may call: a front end in development has another port.
    !matches!(origin.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// Whether the request names this machine: a name of elsewhere that leads here is an attack by DNS.
pub fn names_this_host(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let name = host.and_then(|host| Url::parse(&format!("http://{host}")).ok());
    let name = name.as_ref().and_then(Url::host_str);
    matches!(name, None | Some("localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_machine_may_call_and_others_may_not() {
        let foreign = |origin: &str| is_foreign(&HeaderMap::from_iter([(header::ORIGIN, origin.parse().unwrap())]));
        assert!(!foreign("http://localhost:5173") && !foreign("http://127.0.0.1:8080") && !foreign("http://[::1]:1"));
        assert!(foreign("https://evil.example") && foreign("null") && foreign("http://localhost.evil.example"));
        assert!(!is_foreign(&HeaderMap::new()));
    }

    #[test]
    fn a_name_that_was_bent_to_this_machine_is_seen() {
        let named = |host: &str| names_this_host(&HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]));
        assert!(named("localhost:8080") && named("127.0.0.1:1") && named("[::1]:8080"));
        assert!(!named("evil.example") && !named("evil.example:8080"));
    }
}
