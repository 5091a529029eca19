//! Values on the command line. One that is not valid is refused with an example of one that is.

use std::net::SocketAddr;
use std::time::Duration;

/// The least time between the starts of two harvests of `serve`.
const LEAST_PERIOD: Duration = Duration::from_mins(1);

/// Reads a time that is not zero.
pub(super) fn duration(text: &str) -> Result<Duration, &'static str> {
    let time = humantime::parse_duration(text).ok().filter(|time| !time.is_zero());
    time.ok_or("write a time that is longer than 0, such as 45m or 2h")
}

/// Reads the time between two harvests.
pub(super) fn period(text: &str) -> Result<Duration, &'static str> {
    let time = humantime::parse_duration(text).ok().filter(|time| *time >= LEAST_PERIOD);
    time.ok_or("write a time of at least 1m, such as 6h")
}

/// Reads a number of records or changes.
pub(super) fn count(text: &str) -> Result<u64, &'static str> {
    text.parse().ok().filter(|count| *count > 0).ok_or("write a whole number that is at least 1, such as 5000")
}

/// Reads the address of a server.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "write an IP address and a port, such as 127.0.0.1:7878")
}

/// Checks the base URL of a source, and returns it as it is written.
pub(super) fn base_url(text: &str) -> Result<String, &'static str> {
    let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.map(|_| text.to_owned())
        .ok_or("write an address that begins with http:// or https://, such as https://libris.kb.se/api/oaipmh/")
}
