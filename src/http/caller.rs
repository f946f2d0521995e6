//! Who calls: without credentials the server listens on loopback only, and whoever reaches it is its ADMIN.
//!
//! A page of another site must not act through its visitor's browser, so a request that a browser marks as another
//! origin's is refused.

use std::net::SocketAddr;

use axum::http::{HeaderMap, header};
use url::{Host, Url};

use crate::domain::caller::Caller;

/// The caller of a request from this address.
pub fn of(peer: SocketAddr) -> Caller {
    Caller::local_admin(Some(peer.ip().to_string()))
}

/// Whether a browser sent this from a page of another origin than this server's. Tools send no Origin.
pub fn is_foreign(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        // A page's image or script has no origin, but says where it comes from.
        return headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    };
    let origin = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok());
    let Some(origin) = origin else { return true };
    // A page of this machine's own may call: a front end in development has another port.
    !is_this_machine(&origin)
}

/// Whether the request names this machine: a name of elsewhere that leads here is an attack by DNS.
pub fn names_this_host(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let name = host.and_then(|host| Url::parse(&format!("http://{host}")).ok());
    name.is_none_or(|name| is_this_machine(&name))
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
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
        let site = |site: &str| is_foreign(&HeaderMap::from_iter([("sec-fetch-site".parse().unwrap(), site.parse().unwrap())]));
        assert!(site("cross-site") && !site("same-origin") && !site("none"));
    }

    #[test]
    fn a_name_that_was_bent_to_this_machine_is_seen() {
        let named = |host: &str| names_this_host(&HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]));
        assert!(named("localhost:8080") && named("127.0.0.1:1") && named("[::1]:8080"));
        assert!(!named("evil.example") && !named("evil.example:8080"));
    }
}
