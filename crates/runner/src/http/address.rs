//! Which addresses a request may go to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Refuses addresses. Link-local ones always, because clouds hand out credentials there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard {
    pub(super) block_private: bool,
}

/// Services that hand out credentials and don't live on a link-local address.
const METADATA: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254))];

impl Guard {
    /// Refuses a URL whose host is an address that must not be asked. Names are looked at when they
    /// are resolved.
    pub(super) fn check_url(self, url: &Url) -> Result<(), String> {
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(address) => self.check(address, host),
            Err(_) => Ok(()),
        }
    }

    fn check(self, address: IpAddr, host: &str) -> Result<(), String> {
        let address = address.to_canonical();
        let link_local = match address {
            IpAddr::V4(address) => address.is_link_local() || address.is_unspecified() || address.is_broadcast(),
            IpAddr::V6(address) => address.is_unicast_link_local() || address.is_unspecified(),
        };
        if link_local || METADATA.contains(&address) {
            return Err(format!("{host} is a link-local or metadata address ({address}): steps may not ask those"));
        }
        let private = match address {
            IpAddr::V4(address) => address.is_private() || address.is_loopback(),
            IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
        };
        if private && self.block_private {
            return Err(format!("{host} is a private address ({address}), which this server does not let steps ask"));
        }
        Ok(())
    }
}

/// Resolves names, and refuses those that lead where no request may go.
pub(super) struct SafeResolver {
    pub(super) guard: Guard,
}

impl Resolve for SafeResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.guard;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            for address in &found {
                guard.check(address.ip(), &host)?;
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(block_private: bool, url: &str) -> bool {
        Guard { block_private }.check_url(&url.parse().unwrap()).is_err()
    }

    #[test]
    fn addresses_that_hand_out_credentials_are_never_asked() {
        for url in [
            "http://169.254.169.254/latest/meta-data",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://[fe80::1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[fd00:ec2::254]/",
            "http://100.100.100.200/",
            "http://0.0.0.0/",
        ] {
            assert!(refused(false, url), "{url}");
        }
        assert!(!refused(false, "http://127.0.0.1:8080/") && !refused(false, "http://10.0.0.1/"));
        assert!(refused(true, "http://127.0.0.1:8080/") && refused(true, "http://[fd12::1]/"));
    }
}
