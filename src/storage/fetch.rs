//! Fetching a source from the web, without being led elsewhere.
//!
//! The name is resolved once, every address it has is checked, and the connection is made to one of those
//! checked. Redirects are followed by hand, each checked the same way; environment proxies are not used; bytes
//! and time are bounded. Networks that are not the public internet are refused unless the operator allows them.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    time::{Duration, Instant},
};

use ipnet::IpNet;
use reqwest::{Client, Response, header, redirect::Policy};
use tokio::sync::Semaphore;
use url::{Host, Url};

use super::{
    room::{NoRoom, Room},
    saving::{Saved, Saving, Unsaved},
};

const MAX_REDIRECTS: usize = 3;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Names that are asked for at a time.
static LOOKUPS: Semaphore = Semaphore::const_new(32);
/// Without a byte for this long, a source is out of reach.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// What sends fewer bytes than this in as much time is out of reach too: it would keep its place all the time that there is.
const SLOWEST: (u64, Duration) = (256 << 10, Duration::from_secs(30));
/// However steady, a fetch that takes longer is given up.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Why a source was not fetched. The texts name no address behind the name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    #[error("{0}")]
    NotAllowed(String),
    #[error("{0}")]
    Unreachable(String),
    #[error(transparent)]
    TooLarge(NoRoom),
    #[error("the disk is full")]
    DiskFull,
}

impl From<Unsaved> for FetchError {
    fn from(unsaved: Unsaved) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match unsaved {
            Unsaved::NoRoom(error) => FetchError::TooLarge(error),
            Unsaved::Io(error) if matches!(error.kind(), StorageFull | QuotaExceeded) => FetchError::DiskFull,
            Unsaved::Io(error) => FetchError::Unreachable(format!("the source cannot be written to disk: {error}")),
        }
    }
}

/// Fetches from the public internet, and from the networks that are allowed beside it.
#[derive(Debug, Clone, Default)]
pub struct Fetcher {
    allowed: Vec<IpNet>,
}

impl Fetcher {
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// Writes what the address holds into a new file, as far as there is room. `answered` is called when its host says something.
    pub async fn fetch(
        &self,
        address: &str,
        path: &Path,
        room: &Room,
        answered: &(dyn Fn() + Sync),
    ) -> Result<Saved, FetchError> {
        let fetching = async {
            let mut url = Url::parse(address).map_err(|_| FetchError::NotAllowed("the address cannot be read".into()))?;
            for _ in 0..=MAX_REDIRECTS {
                let response = self.request(&url).await?;
                answered();
                if response.status().is_redirection() {
                    url = redirect_target(&url, &response)?;
                    continue;
                }
                if !response.status().is_success() {
                    let message = format!("the source answers with status {}", response.status().as_u16());
                    return Err(FetchError::Unreachable(message));
                }
                return save(response, path, room).await;
            }
            Err(FetchError::Unreachable(format!("the source redirects more than {MAX_REDIRECTS} times")))
        };
        tokio::time::timeout(WHOLE_TIMEOUT, fetching)
            .await
            .unwrap_or_else(|_| Err(FetchError::Unreachable("the source took longer than 30 minutes".into())))
    }

    async fn request(&self, url: &Url) -> Result<Response, FetchError> {
        let checked = self.checked_addresses(url).await?;
        let mut client = Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .user_agent(concat!("reelgraph/", env!("CARGO_PKG_VERSION")));
        if let Some(Host::Domain(name)) = url.host() {
            client = client.resolve_to_addrs(name, &checked);
        }
        let client = client.build().map_err(|error| FetchError::Unreachable(error.to_string()))?;
        client.get(url.clone()).send().await.map_err(unreachable)
    }

    /// All addresses of the URL's host, if each may be connected to.
    async fn checked_addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, FetchError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FetchError::NotAllowed("only http and https sources are fetched".into()));
        }
        let port = url.port_or_known_default().unwrap_or(443);
        let addresses: Vec<SocketAddr> = match url.host() {
            Some(Host::Ipv4(ip)) => vec![(ip, port).into()],
            Some(Host::Ipv6(ip)) => vec![(ip, port).into()],
            Some(Host::Domain(name)) => resolve(name, port).await?,
            None => return Err(FetchError::NotAllowed("the address names no host".into())),
        };
        if addresses.is_empty() {
            return Err(FetchError::Unreachable("the source's name has no address".into()));
        }
        match addresses.iter().all(|address| self.may_connect(*address)) {
            true => Ok(addresses),
            false => Err(FetchError::NotAllowed(
                "the source lies in a private network or on an unusual port; an operator can allow networks with REELGRAPH_FETCH_ALLOW".into(),
            )),
        }
    }

    fn may_connect(&self, address: SocketAddr) -> bool {
        let ip = unmapped(address.ip());
        self.allowed.iter().any(|network| network.contains(&ip)) || (is_public(ip) && matches!(address.port(), 80 | 443))
    }
}

/// The addresses of a name. Asking holds a thread of all that there are for blocking work until the system gives up, whoever still
/// waits for it: so few ask at a time, and each has its place until then.
async fn resolve(name: &str, port: u16) -> Result<Vec<SocketAddr>, FetchError> {
    let asked = (name.to_owned(), port);
    let asking = async move {
        let _place = LOOKUPS.acquire().await;
        tokio::spawn(async move {
            let _place = _place;
            tokio::net::lookup_host(asked).await.map(Vec::from_iter)
        })
        .await
    };
    match tokio::time::timeout(CONNECT_TIMEOUT, asking).await {
        Ok(Ok(Ok(addresses))) => Ok(addresses),
        Err(_) => Err(FetchError::Unreachable("the source's name is not resolved in time".into())),
        Ok(_) => Err(FetchError::Unreachable("the source's name cannot be resolved".into())),
    }
}

fn redirect_target(from: &Url, response: &Response) -> Result<Url, FetchError> {
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    location
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| FetchError::Unreachable("the source redirects to nowhere".into()))
}

fn unreachable(error: reqwest::Error) -> FetchError {
    let what = match (error.is_timeout(), error.is_connect()) {
        (true, _) => "the source does not answer in time",
        (_, true) => "the source cannot be connected to",
        _ => "the source broke off its answer",
    };
    FetchError::Unreachable(what.into())
}

async fn save(mut response: Response, path: &Path, room: &Room) -> Result<Saved, FetchError> {
    let mut saving = Saving::begin(path, response.content_length().unwrap_or(0), room).await?;
    let mut pace = Pace::default();
    loop {
        let asked = Instant::now();
        let Some(chunk) = response.chunk().await.map_err(unreachable)? else { break };
        let waited = asked.elapsed();
        saving.write(&chunk).await?;
        pace.check(chunk.len() as u64, waited)?;
    }
    Ok(saving.end().await?)
}

/// How quickly a source comes: what was sent since it was looked at last, and how long that was waited for.
#[derive(Default)]
struct Pace {
    sent: u64,
    waited: Duration,
}

impl Pace {
    fn check(&mut self, sent: u64, waited: Duration) -> Result<(), FetchError> {
        self.sent += sent;
        self.waited += waited;
        if self.waited < SLOWEST.1 {
            return Ok(());
        }
        let was = std::mem::take(self);
        if was.sent as f64 / was.waited.as_secs_f64() >= SLOWEST.0 as f64 / SLOWEST.1.as_secs_f64() {
            return Ok(());
        }
        Err(FetchError::Unreachable("the source is sent too slowly".into()))
    }
}

/// An IPv4 address in an IPv6 coat without it.
fn unmapped(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

/// Whether an address is of the public internet (RFC 6890 and the registries behind it).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_broadcast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

/// Global unicast (2000::/3) but for documentation, 6to4, Teredo and other transition ranges; the NAT64 prefix lies
/// outside of it.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let documentation = (a == 0x2001 && b == 0x0db8) || (a == 0x3fff && b < 0x1000);
    let transition = a == 0x2002 || (a == 0x2001 && b < 0x0200);
    (0x2000..0x4000).contains(&a) && !documentation && !transition
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_drips_is_given_up_and_one_that_is_slow_is_not() {
        let seconds = Duration::from_secs;
        let ends = |bytes: u64, every: Duration| {
            let mut pace = Pace::default();
            (0..100).position(|_| pace.check(bytes, every).is_err())
        };
        assert_eq!(ends(1, seconds(10)), Some(2));
        assert_eq!(ends(8 << 10, seconds(1)), Some(29));
        assert_eq!(ends(9 << 10, seconds(1)), None);
        assert_eq!(ends(200 << 10, seconds(19)), None);
    }

    fn may(allowed: &[&str], address: &str) -> bool {
        let fetcher = Fetcher::new(allowed.iter().map(|network| network.parse().unwrap()).collect());
        fetcher.may_connect(address.parse().unwrap())
    }

    #[test]
    fn only_the_public_internet_and_only_on_its_ports() {
        assert!(may(&[], "93.184.216.34:443") && may(&[], "[2606:2800:220:1::1]:80"));
        assert!(!may(&[], "93.184.216.34:22"));
        for address in [
            "127.0.0.1:80",
            "10.1.2.3:80",
            "172.16.0.1:80",
            "192.168.0.1:80",
            "169.254.169.254:80",
            "100.64.0.1:80",
            "0.0.0.0:80",
            "224.0.0.1:80",
            "255.255.255.255:80",
            "198.18.0.1:80",
            "[::1]:80",
            "[::]:80",
            "[fe80::1]:80",
            "[fc00::1]:80",
            "[::ffff:127.0.0.1]:80",
            "[::ffff:10.0.0.1]:80",
            "[64:ff9b::7f00:1]:80",
            "[2002:7f00:1::]:80",
            "[2001:db8::1]:80",
        ] {
            assert!(!may(&[], address), "{address}");
        }
    }

    #[test]
    fn what_the_operator_allows_is_allowed_on_any_port() {
        assert!(may(&["127.0.0.0/8"], "127.0.0.1:9999"));
        assert!(may(&["127.0.0.0/8"], "[::ffff:127.0.0.1]:9999"));
        assert!(!may(&["127.0.0.0/8"], "10.0.0.1:80"));
    }
}
