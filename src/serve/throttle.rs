//! How often a client may ask: a token bucket for each, in memory that does not grow with the clients that ever came.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::HeaderMap;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// The address that a connection comes from.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Client {
    /// Somebody with a key.
    Key(String),
    /// An address.
    V4(Ipv4Addr),
    /// A network of IPv6 addresses, of which one customer has all: their first 64 bits.
    V6([u16; 4]),
}

impl Client {
    /// Who asks from an address; behind a proxy, as the last proxy says.
    #[must_use]
    pub fn at(peer: Peer, headers: &HeaderMap, forwarded: bool) -> Self {
        let named = headers.get_all("x-forwarded-for").iter().next_back().filter(|_| forwarded);
        // What stands before the last address, anybody may have written.
        let last = named.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        match last.unwrap_or(peer.0).to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

/// Clients that are remembered before those are forgotten who may ask at once again.
const MANY: usize = 10_000;

/// The buckets of all clients.
pub struct Throttle {
    limiter: DefaultKeyedRateLimiter<Client>,
    per_s: u32,
}

impl Throttle {
    /// Lets each client ask so often in a second.
    #[must_use]
    pub fn new(per_s: u32) -> Self {
        let quota = Quota::per_second(NonZeroU32::new(per_s).unwrap_or(NonZeroU32::MIN));
        Self { limiter: RateLimiter::keyed(quota), per_s }
    }

    /// How often each client may ask in a second.
    #[must_use]
    pub fn per_s(&self) -> u32 {
        self.per_s
    }

    /// Counts a request of a client; if it is one too many, answers how long to wait.
    ///
    /// # Errors
    /// The time until the next request is admitted.
    pub fn admit(&self, client: &Client) -> Result<(), Duration> {
        if self.limiter.len() > MANY {
            // A bucket that is full again is as good as none. Those that are not are the clients of the last second.
            self.limiter.retain_recent();
        }
        self.limiter.check_key(client).map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn client(peer: &str, forwarded: Option<&str>) -> Client {
        let mut headers = HeaderMap::new();
        if let Some(value) = forwarded {
            headers.insert("x-forwarded-for", HeaderValue::from_str(value).expect("valid"));
        }
        Client::at(Peer(peer.parse().expect("an address")), &headers, forwarded.is_some())
    }

    #[test]
    fn an_address_is_that_of_the_last_proxy_and_a_network_is_one_client() {
        assert_eq!(client("192.0.2.1", None), Client::V4(Ipv4Addr::new(192, 0, 2, 1)));
        assert_eq!(client("127.0.0.1", Some("10.9.9.9, 192.0.2.7")), Client::V4(Ipv4Addr::new(192, 0, 2, 7)));
        assert_eq!(client("127.0.0.1", Some("nonsense")), Client::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(client("::ffff:192.0.2.1", None), Client::V4(Ipv4Addr::new(192, 0, 2, 1)));
        assert_eq!(client("2001:db8:1:2::1", None), client("2001:db8:1:2:ffff::9", None));
        assert_ne!(client("2001:db8:1:2::1", None), client("2001:db8:1:3::1", None));
    }

    #[test]
    fn each_client_has_a_bucket_and_who_is_quiet_is_forgotten() {
        let throttle = Throttle::new(3);
        let one = Client::Key("one".into());
        assert!((0..3).all(|_| throttle.admit(&one).is_ok()));
        assert!(throttle.admit(&one).is_err_and(|wait| wait <= Duration::from_secs(1)));
        assert!(throttle.admit(&Client::Key("two".into())).is_ok());
        for round in 0..3_u32 {
            for number in 0..=u32::try_from(MANY).expect("small") {
                let _ = throttle.admit(&Client::V4(Ipv4Addr::from(round << 20 | number)));
            }
        }
        assert!(throttle.limiter.len() < 4 * MANY);
    }
}
