//! Routes of the main table, over netlink, so that nothing need be installed for them.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::TryStreamExt;
use nix::net::if_::if_nametoindex;
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteScope,
};
use rtnetlink::{Handle, RouteMessageBuilder};

/// How long the kernel may take to answer; it does so at once.
const DEADLINE: Duration = Duration::from_secs(5);

/// A route without a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    destination: Ipv4Addr,
    prefix: u8,
    device: String,
    scope: Scope,
}

/// How far the destination is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Global,
    Link,
    Host,
}

impl Route {
    /// The route that `ip route add DESTINATION dev DEVICE scope SCOPE` would add.
    ///
    /// # Errors
    /// `InvalidInput` where the destination is not IPv4 with a prefix length, or the scope is not `global`, `link` or
    /// `host`.
    pub fn new(destination: &str, device: &str, scope: &str) -> io::Result<Self> {
        let parsed = destination
            .split_once('/')
            .and_then(|(address, prefix)| Some((address.parse().ok()?, prefix.parse().ok()?)))
            .filter(|(_, prefix)| *prefix <= 32);
        let scope = match scope {
            "global" => Some(Scope::Global),
            "link" => Some(Scope::Link),
            "host" => Some(Scope::Host),
            _ => None,
        };
        let (Some((destination, prefix)), Some(scope)) = (parsed, scope) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "{destination:?} with scope {scope:?} is not an IPv4 route such as 169.254.170.2/32 with scope link"
                ),
            ));
        };
        Ok(Route {
            destination,
            prefix,
            device: device.to_owned(),
            scope,
        })
    }

    /// True when the main table has it.
    ///
    /// # Errors
    /// The kernel's, or `TimedOut`.
    pub async fn is_present(&self) -> io::Result<bool> {
        let Ok(device) = self.device_index() else {
            return Ok(false);
        };
        let every = RouteMessageBuilder::<Ipv4Addr>::new().build();
        ask(async |kernel| {
            let mut routes = std::pin::pin!(kernel.route().get(every).execute());
            while let Some(route) = routes.try_next().await? {
                if self.is(&route, device) {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .await
    }

    /// Adds it, unless it is there. Returns whether it was added.
    ///
    /// # Errors
    /// The kernel's, or `TimedOut`; `AlreadyExists` where another route leads to the same destination.
    pub async fn add(&self) -> io::Result<bool> {
        if self.is_present().await? {
            return Ok(false);
        }
        let message = self.message()?;
        ask(async |kernel| kernel.route().add(message).execute().await).await?;
        Ok(true)
    }

    /// Removes it, if it is there. Returns whether it was removed.
    ///
    /// # Errors
    /// The kernel's, or `TimedOut`.
    pub async fn remove(&self) -> io::Result<bool> {
        if !self.is_present().await? {
            return Ok(false);
        }
        let message = self.message()?;
        ask(async |kernel| kernel.route().del(message).execute().await).await?;
        Ok(true)
    }

    fn message(&self) -> io::Result<RouteMessage> {
        let scope = match self.scope {
            Scope::Global => RouteScope::Universe,
            Scope::Link => RouteScope::Link,
            Scope::Host => RouteScope::Host,
        };
        Ok(RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(self.destination, self.prefix)
            .output_interface(self.device_index()?)
            .scope(scope)
            .build())
    }

    fn is(&self, route: &RouteMessage, device: u32) -> bool {
        let has = |attribute| route.attributes.contains(&attribute);
        route.header.table == RouteHeader::RT_TABLE_MAIN
            && route.header.destination_prefix_length == self.prefix
            && has(RouteAttribute::Destination(RouteAddress::Inet(
                self.destination,
            )))
            && has(RouteAttribute::Oif(device))
    }

    fn device_index(&self) -> io::Result<u32> {
        if_nametoindex(self.device.as_str())
            .map_err(|errno| io::Error::other(format!("{}: {}", self.device, errno.desc())))
    }
}

/// One exchange with the kernel over a socket of its own: routes change once a boot.
async fn ask<T>(
    exchange: impl AsyncFnOnce(Handle) -> Result<T, rtnetlink::Error>,
) -> io::Result<T> {
    let (connection, kernel, _) = rtnetlink::new_connection()?;
    let both = async {
        tokio::select! {
            answer = exchange(kernel) => answer.map_err(|error| match error {
                rtnetlink::Error::NetlinkError(message) => message.to_io(),
                other => io::Error::other(other),
            }),
            () = connection => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
        }
    };
    tokio::time::timeout(DEADLINE, both)
        .await
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_routes_of_ipv4_with_a_known_scope_are_taken() {
        assert!(Route::new("169.254.170.2/32", "lo", "link").is_ok());
        for (destination, scope) in [
            ("169.254.170.2", "link"),
            ("169.254.170.2/33", "link"),
            ("fd00::1/128", "link"),
            ("169.254.170.2/32", "site"),
        ] {
            let error = Route::new(destination, "lo", scope).unwrap_err();
            assert_eq!(
                error.kind(),
                io::ErrorKind::InvalidInput,
                "{destination} {scope}"
            );
        }
    }

    #[tokio::test]
    async fn a_route_over_a_missing_interface_is_absent_and_cannot_be_added() {
        let route = Route::new("169.254.170.2/32", "no-such-device", "link").unwrap();
        assert!(!route.is_present().await.unwrap());
        assert!(!route.remove().await.unwrap());
        let told = route.add().await.unwrap_err().to_string();
        assert_eq!(told, "no-such-device: No such device");
    }
}
