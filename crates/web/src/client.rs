//! Who is calling, as far as it matters for limits.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::request::Parts,
};

use crate::Rooms;

/// The visitor's network address as a key for counting. Never logged, never kept.
pub(crate) struct Client(pub(crate) String);

impl FromRequestParts<Rooms> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, rooms: &Rooms) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
        let named = parts.headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
        // The last entry is the one our own proxy wrote; those before it are the visitor's to invent.
        let forwarded = named.and_then(|list| list.rsplit(',').next()).and_then(|ip| ip.trim().parse().ok());
        let address = if rooms.behind_proxy() { forwarded.or(peer) } else { peer };
        Ok(Self(address.map_or_else(|| "unknown".to_owned(), network)))
    }
}

/// One household or office: an IPv4 address, or the first 64 bits of an IPv6 address.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_ipv6_network_counts_as_one_visitor() {
        let key = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(key("2001:db8:1:2:aaaa::1"), key("2001:db8:1:2:bbbb::2"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
