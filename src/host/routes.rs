//! Routes of the main table, over netlink, so that nothing need be installed for them.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL,
    NLM_F_REQUEST, NLMSG_ALIGNTO, NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable, NlasIterator, Parseable,
};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{RouteHeader, RouteProtocol, RouteScope, RouteType};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket};
use nix::libc::{RTA_DST, RTA_OIF, RTM_DELROUTE, RTM_GETROUTE, RTM_NEWROUTE};
use nix::net::if_::if_nametoindex;

/// How long the kernel may take to answer; it does so at once.
const DEADLINE: Duration = Duration::from_secs(5);

/// Bytes in the kernel's largest answer.
const DATAGRAM: usize = 32 * 1024;

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
        let every = Message {
            kind: RTM_GETROUTE,
            header: RouteHeader {
                address_family: AddressFamily::Inet,
                ..RouteHeader::default()
            },
            attributes: Vec::new(),
        };
        let routes = ask(every, NLM_F_DUMP).await?;
        Ok(routes.iter().any(|route| self.is(route, device)))
    }

    /// Adds it, unless it is there. Returns whether it was added.
    ///
    /// # Errors
    /// The kernel's, or `TimedOut`; `AlreadyExists` where another route leads to the same destination.
    pub async fn add(&self) -> io::Result<bool> {
        if self.is_present().await? {
            return Ok(false);
        }
        let message = self.message(RTM_NEWROUTE)?;
        ask(message, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL).await?;
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
        ask(self.message(RTM_DELROUTE)?, NLM_F_ACK).await?;
        Ok(true)
    }

    fn message(&self, kind: u16) -> io::Result<Message> {
        Ok(Message {
            kind,
            header: RouteHeader {
                address_family: AddressFamily::Inet,
                destination_prefix_length: self.prefix,
                table: RouteHeader::RT_TABLE_MAIN,
                protocol: RouteProtocol::Static,
                scope: match self.scope {
                    Scope::Global => RouteScope::Universe,
                    Scope::Link => RouteScope::Link,
                    Scope::Host => RouteScope::Host,
                },
                kind: RouteType::Unicast,
                ..RouteHeader::default()
            },
            attributes: self.attributes(self.device_index()?).into(),
        })
    }

    /// What tells it from others, beside the header.
    fn attributes(&self, device: u32) -> [DefaultNla; 2] {
        [
            DefaultNla::new(RTA_DST, self.destination.octets().into()),
            DefaultNla::new(RTA_OIF, device.to_ne_bytes().into()),
        ]
    }

    fn is(&self, route: &Message, device: u32) -> bool {
        route.header.table == RouteHeader::RT_TABLE_MAIN
            && route.header.destination_prefix_length == self.prefix
            && self
                .attributes(device)
                .iter()
                .all(|attribute| route.attributes.contains(attribute))
    }

    fn device_index(&self) -> io::Result<u32> {
        if_nametoindex(self.device.as_str())
            .map_err(|errno| io::Error::other(format!("{}: {}", self.device, errno.desc())))
    }
}

/// A request for routes, or one route. Its own type, since the library's holds every kind of message and of route, and
/// their code is 4 % of the program.
struct Message {
    /// As the kernel numbers them.
    kind: u16,
    header: RouteHeader,
    attributes: Vec<DefaultNla>,
}

impl NetlinkSerializable for Message {
    fn message_type(&self) -> u16 {
        self.kind
    }

    fn buffer_len(&self) -> usize {
        self.header.buffer_len() + self.attributes.as_slice().buffer_len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        let (header, attributes) = buffer.split_at_mut(self.header.buffer_len());
        self.header.emit(header);
        self.attributes.as_slice().emit(attributes);
    }
}

impl NetlinkDeserializable for Message {
    type Error = DecodeError;

    fn deserialize(about: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        let header = RouteHeader::parse(payload)?;
        let attributes = NlasIterator::new(&payload[header.buffer_len()..])
            .map(|attribute| DefaultNla::parse(&attribute?))
            .collect::<Result<_, _>>()?;
        Ok(Message {
            kind: about.message_type,
            header,
            attributes,
        })
    }
}

/// One exchange with the kernel over a socket of its own: routes change once a boot. Returns the routes it told.
async fn ask(request: Message, flags: u16) -> io::Result<Vec<Message>> {
    tokio::time::timeout(DEADLINE, exchange(request, flags))
        .await
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
}

async fn exchange(request: Message, flags: u16) -> io::Result<Vec<Message>> {
    let mut request = NetlinkMessage::new(
        NetlinkHeader::default(),
        NetlinkPayload::InnerMessage(request),
    );
    request.header.flags = NLM_F_REQUEST | flags;
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);

    let socket = TokioSocket::new(NETLINK_ROUTE)?;
    let kernel = SocketAddr::new(0, 0);
    socket.send_to(&bytes, &kernel).await?;
    let mut routes = Vec::new();
    let mut datagram = Vec::with_capacity(DATAGRAM);
    loop {
        datagram.clear();
        socket.recv(&mut datagram).await?;
        let mut rest = datagram.as_slice();
        while !rest.is_empty() {
            let message = NetlinkMessage::<Message>::deserialize(rest).map_err(io::Error::other)?;
            let length = message.header.length.next_multiple_of(NLMSG_ALIGNTO.into());
            rest = rest.get(length as usize..).unwrap_or_default();
            match message.payload {
                NetlinkPayload::InnerMessage(route) => routes.push(route),
                NetlinkPayload::Done(_) => return Ok(routes),
                NetlinkPayload::Error(error) if error.code.is_none() => return Ok(routes),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                _ => {}
            }
        }
    }
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
