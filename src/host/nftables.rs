//! The generation of the kernel's nftables rules, by which a look at them costs nothing while they stand.

use std::io;

use netlink_packet_core::{
    Emitable, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader, NlaBuffer, NlasIterator,
};
use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket, SocketAddr};

/// `NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN` (linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h).
const GET_GENERATION: u16 = 10 << 8 | 16;
/// `NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN`.
const GENERATION: u16 = 10 << 8 | 15;
/// `NFTA_GEN_ID`, big-endian.
const GENERATION_ID: u16 = 1;
/// Bytes of `struct nfgenmsg`, before the attributes.
const FAMILY_HEADER: usize = 4;

/// A number that changes with every change of any rule that the programs of nftables, and iptables in its nftables
/// variant, have made in this network namespace. `None` where the kernel does not tell: it has no nftables, or the process
/// lacks CAP_NET_ADMIN. Rules of the older iptables have no such number. The kernel answers at once.
pub fn generation() -> Option<u32> {
    read(&ask().ok()?)
}

fn ask() -> io::Result<Vec<u8>> {
    let mut header = NetlinkHeader::default();
    // Family, version and resource: none.
    let mut request = vec![0; header.buffer_len() + FAMILY_HEADER];
    header.message_type = GET_GENERATION;
    header.flags = NLM_F_REQUEST;
    header.length = request.len() as u32;
    header.emit(&mut request);
    let socket = Socket::new(NETLINK_NETFILTER)?;
    socket.set_non_blocking(true)?;
    socket.send_to(&request, &SocketAddr::new(0, 0), 0)?;
    let (answer, _) = socket.recv_from_full()?;
    Ok(answer)
}

fn read(answer: &[u8]) -> Option<u32> {
    let message = NetlinkBuffer::new_checked(answer).ok()?;
    if message.message_type() != GENERATION {
        return None;
    }
    let attributes = NlasIterator::new(message.payload().get(FAMILY_HEADER..)?);
    let id = |attribute: NlaBuffer<&[u8]>| {
        (attribute.kind() == GENERATION_ID).then(|| attribute.value().try_into().ok())
    };
    let bytes = attributes.flatten().find_map(id)?;
    bytes.map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::DefaultNla;

    use super::*;

    fn answer(message_type: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let attributes: Vec<_> = attributes
            .iter()
            .map(|(kind, value)| DefaultNla::new(*kind, value.to_vec()))
            .collect();
        let mut header = NetlinkHeader::default();
        header.message_type = message_type;
        let before = header.buffer_len() + FAMILY_HEADER;
        let mut answer = vec![0; before + attributes.as_slice().buffer_len()];
        header.length = answer.len() as u32;
        header.emit(&mut answer);
        attributes.as_slice().emit(&mut answer[before..]);
        answer
    }

    #[test]
    fn the_number_is_found_among_other_attributes() {
        let answer = answer(GENERATION, &[(3, b"nft"), (1, &[0, 0, 1, 2])]);
        assert_eq!(read(&answer), Some(258));
    }

    #[test]
    fn anything_else_is_no_number() {
        // NLMSG_ERROR: the kernel has no nftables.
        assert_eq!(read(&answer(2, &[(1, &[0, 0, 1, 2])])), None);
        assert_eq!(read(&answer(GENERATION, &[(3, b"nft")])), None);
        assert_eq!(read(&answer(GENERATION, &[(1, &[1, 2])])), None);
        let whole = answer(GENERATION, &[(1, &[0, 0, 1, 2])]);
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length]), None);
        }
    }
}
