//! Who may post a form, and how often.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::{HeaderMap, header};

/// Whether a post comes from a page of ours: browsers say so themselves, and programs without a browser have nobody's cookies to abuse.
/// Old browsers that know no `sec-fetch-site` say `null` where a page sends no referrer, as ours do; the cookies of doors are
/// `SameSite`, so such a post brings none from elsewhere.
pub fn same_site(headers: &HeaderMap) -> bool {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (value("sec-fetch-site"), value(header::ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, None | Some("null")) => true,
        (None, Some(origin)) => {
            value(header::HOST.as_str()).is_some_and(|host| origin.split_once("://").is_some_and(|(_, rest)| rest == host))
        }
    }
}

/// Whether `form.js` asks, which wants `{"next": …}` or `{"problems": …}` in place of a page.
pub fn wants_json(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.starts_with("application/json"))
}

/// Who asks, as far as floods are concerned: an IPv4 address, or the 64-bit network of an IPv6 address (a household has a whole one).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Visitor(IpAddr);

impl Visitor {
    /// From the connection, or from `x-forwarded-for` as `proxies` proxies of ours wrote it: only what they added is believed.
    pub fn of(peer: SocketAddr, headers: &HeaderMap, proxies: usize) -> Self {
        let mut hops: Vec<&str> = Vec::new();
        for line in headers.get_all("x-forwarded-for") {
            hops.extend(line.to_str().unwrap_or_default().split(',').map(str::trim));
        }
        let told = proxies.checked_sub(1).and_then(|back| hops.iter().rev().nth(back)).and_then(|hop| hop.parse().ok());
        Self(network(told.unwrap_or(peer.ip())))
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let mut parts = v6.segments();
            parts[4..].fill(0);
            IpAddr::V6(Ipv6Addr::from(parts))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use incoming::Rate;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (header::HeaderName::from_static(name), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn only_our_own_pages_may_post() {
        for (pairs, allowed) in [
            (&[("sec-fetch-site", "same-origin"), ("origin", "null")][..], true),
            (&[("sec-fetch-site", "none")][..], true),
            (&[("sec-fetch-site", "cross-site"), ("host", "a"), ("origin", "https://a")][..], false),
            (&[("sec-fetch-site", "same-site")][..], false),
            (&[("origin", "https://lapor.example.id"), ("host", "lapor.example.id")][..], true),
            (&[("origin", "https://evil.example"), ("host", "lapor.example.id")][..], false),
            (&[("origin", "null"), ("host", "lapor.example.id")][..], true),
            (&[("sec-fetch-site", "cross-site"), ("origin", "null")][..], false),
            (&[("host", "lapor.example.id")][..], true),
        ] {
            assert_eq!(same_site(&headers(pairs)), allowed, "{pairs:?}");
        }
    }

    #[test]
    fn only_what_our_own_proxies_wrote_is_believed() {
        let peer = "10.0.0.1:5000".parse().expect("an address");
        let told = headers(&[("x-forwarded-for", "6.6.6.6, 9.9.9.9, 10.0.0.2")]);
        let visitor = |proxies| Visitor::of(peer, &told, proxies).0.to_string();
        assert_eq!(visitor(0), "10.0.0.1");
        assert_eq!(visitor(1), "10.0.0.2");
        assert_eq!(visitor(2), "9.9.9.9");
        assert_eq!(visitor(9), "10.0.0.1");
    }

    #[test]
    fn neighbours_in_one_ipv6_network_are_one_visitor() {
        let of = |address: &str| Visitor::of(address.parse().expect("an address"), &HeaderMap::new(), 0);
        assert_eq!(of("[2001:db8:1:2::3]:1"), of("[2001:db8:1:2:ffff::9]:2"));
        assert_ne!(of("[2001:db8:1:2::3]:1"), of("[2001:db8:1:3::3]:1"));
        assert_eq!(of("[::ffff:10.0.0.1]:1"), of("10.0.0.1:2"));
    }

    #[test]
    fn a_flood_waits_and_its_neighbour_does_not() {
        let rate = Rate::new(NonZeroU32::new(2).expect("not zero"), NonZeroU32::MIN);
        let of = |address: &str| Visitor::of(address.parse().expect("an address"), &HeaderMap::new(), 0);
        let (flood, neighbour) = (of("10.0.0.1:1"), of("10.0.0.2:1"));
        assert!(rate.take(&flood).is_ok() && rate.take(&flood).is_ok());
        assert!(rate.take(&flood).is_err_and(|wait| !wait.is_zero()));
        assert!(rate.take(&neighbour).is_ok());
    }
}
