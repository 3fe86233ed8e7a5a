//! Who is at the other end of the connection.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;
use ipnet::IpNet;

/// The header in which proxies name the client before them.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the client: the peer of the connection, or, where that is a
/// proxy we trust, the last hop it names. Only the last: everything before it
/// was written by somebody we do not know.
pub(crate) fn address(
    peer: Option<IpAddr>,
    headers: &HeaderMap,
    trusted: &[IpNet],
) -> Option<IpAddr> {
    let peer = peer?.to_canonical();
    if !trusted.iter().any(|network| network.contains(&peer)) {
        return Some(peer);
    }
    let last = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .next_back()
        .and_then(|value| value.to_str().ok())
        .and_then(|hops| hops.rsplit(',').next())
        .and_then(|hop| hop.trim().parse::<IpAddr>().ok());
    Some(last.map_or(peer, |hop| hop.to_canonical()))
}

/// The address by which a client is limited. A client of IPv6 has a whole /64
/// to itself.
pub(crate) fn neighbourhood(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let network = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hops(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_stranger_cannot_name_its_own_address() {
        let peer = "203.0.113.7".parse().ok();
        assert_eq!(address(peer, &hops(&["10.0.0.1"]), &[]), peer);
    }

    #[test]
    fn a_trusted_proxy_is_believed_about_its_last_hop_only() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let seen = |values: &[&str]| address("10.1.2.3".parse().ok(), &hops(values), &trusted);
        assert_eq!(
            seen(&["1.1.1.1, 198.51.100.9"]),
            "198.51.100.9".parse().ok()
        );
        assert_eq!(
            seen(&["1.1.1.1", "198.51.100.9"]),
            "198.51.100.9".parse().ok()
        );
        assert_eq!(seen(&["1.1.1.1, nonsense"]), "10.1.2.3".parse().ok());
        assert_eq!(seen(&[]), "10.1.2.3".parse().ok());
    }

    #[test]
    fn an_ipv6_client_has_one_limit_for_its_whole_network() {
        let one = neighbourhood("2001:db8:1:2:aaaa::1".parse().unwrap());
        let two = neighbourhood("2001:db8:1:2:bbbb::2".parse().unwrap());
        let other = neighbourhood("2001:db8:1:3::1".parse().unwrap());
        assert_eq!(one, two);
        assert_ne!(one, other);
    }
}
