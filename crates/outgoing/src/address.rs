//! Which addresses are on the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

/// The literal address in an URL, if it has one instead of a name.
pub(crate) fn literal(url: &Url) -> Option<IpAddr> {
    // The URL parser has already read `0x7f.1`, `2130706433` and the like as the address they mean.
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether it is an address on the public internet: not this machine, not a private, shared, link-local, documentation, multicast or
/// reserved network, and not one of these inside an IPv6 address.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => public_v4(ip),
        IpAddr::V6(ip) => embedded_v4(ip).map_or_else(|| public_v6(ip), public_v4),
    }
}

/// What is not on the public internet: network and length of its prefix.
const SPECIAL_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8),       // this network
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // shared by carriers (CGNAT)
    ([127, 0, 0, 0], 8),     // loopback
    ([169, 254, 0, 0], 16),  // link-local, where clouds keep their metadata
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // protocol assignments
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 88, 99, 0], 24),  // 6to4 relays, withdrawn
    ([192, 168, 0, 0], 16),  // private
    ([198, 18, 0, 0], 15),   // benchmarks
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
    ([224, 0, 0, 0], 4),     // multicast
    ([240, 0, 0, 0], 4),     // reserved, broadcast
];

fn public_v4(ip: Ipv4Addr) -> bool {
    let lies_in = |(network, length): &([u8; 4], u32)| (ip.to_bits() ^ u32::from_be_bytes(*network)) >> (32 - length) == 0;
    !SPECIAL_V4.iter().any(lies_in)
}

fn public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    // Global unicast is 2000::/3. Of it: 2001::/23 are protocol assignments, 2001:db8::/32 and 3fff::/20 documentation.
    let documentation = (a == 0x2001 && b == 0xdb8) || (a == 0x3fff && b < 0x1000);
    (a & 0xe000) == 0x2000 && !(a == 0x2001 && b < 0x200) && !documentation
}

/// An IPv4 address written inside an IPv6 one: mapped, compatible, NAT64 or 6to4.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        Ipv4Addr::new(a, b, c, d)
    };
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_way_of_writing_a_private_address_passes() {
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://10.1.2.3/",
            "http://172.31.0.1/",
            "http://192.168.1.1/",
            "http://169.254.169.254/latest",
            "http://100.64.0.1/",
            "http://0.0.0.0/",
            "http://255.255.255.255/",
            "http://224.0.0.1/",
            "http://198.18.0.1/",
            "http://[::1]/",
            "http://[::]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[64:ff9b::10.0.0.1]/",
            "http://[2002:7f00:1::]/",
            "http://[ff02::1]/",
            "http://[2001:db8::1]/",
            "http://[::127.0.0.1]/",
        ] {
            let url = Url::parse(url).expect("an address");
            let ip = literal(&url).unwrap_or_else(|| panic!("{url} is literal"));
            assert!(!is_public(ip), "{url}");
        }
    }

    #[test]
    fn public_addresses_pass() {
        for ip in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "2606:4700::1",
            "2a03:2880::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(is_public(ip.parse().expect("an address")), "{ip}");
        }
    }
}
