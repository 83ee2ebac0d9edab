//! Where a request comes from, for the audit and for who guesses. What a proxy says of it counts over the unix socket only:
//! anybody can write a header.

use hyper::header::HeaderMap;
use pm_http::ClientAddress;

/// The address as text.
pub(crate) fn origin_address(client: ClientAddress, headers: &HeaderMap) -> String {
    match client {
        ClientAddress::Tcp(address) => address.ip().to_string(),
        ClientAddress::Unix(_) => {
            // The last one is what our own proxy saw; those before are what it was told.
            let said = headers.get_all("x-forwarded-for").iter().next_back();
            let said = said.and_then(|value| value.to_str().ok()?.rsplit(',').next());
            let said = said.and_then(|said| said.trim().parse::<std::net::IpAddr>().ok());
            said.map_or_else(|| "unix".into(), |address| address.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_count_over_the_unix_socket_only() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "6.6.6.6, 9.9.9.9".parse().unwrap());
        let tcp = ClientAddress::Tcp("127.0.0.1:5".parse().unwrap());
        assert_eq!(origin_address(tcp, &headers), "127.0.0.1");
        assert_eq!(origin_address(ClientAddress::Unix(None), &headers), "9.9.9.9");
        headers.insert("x-forwarded-for", "<b>".parse().unwrap());
        assert_eq!(origin_address(ClientAddress::Unix(None), &headers), "unix");
    }
}
