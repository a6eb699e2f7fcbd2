//! UDP 65001: answers who looks for tuners.
//!
//! Every answer leaves from the address that was asked and carries it (rule R11). What is answered is decided in `answer`, by
//! whom in [`roster`]. Requests from outside the allowed networks are ignored, which also keeps this from being an amplifier.

pub mod answer;

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::discovery::Devices;
use super::interfaces;
use super::pktinfo::{Arrival, PktinfoSocket};
use super::roster;
use super::tlv::MAX_FRAME;
use crate::base::clock;
use answer::Wish;

/// Port of discovery, and over TCP of control.
pub const PORT: u16 = 65001;

/// Rest after an error of the socket, so that one that stays does not take a core.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// Takes the port on all addresses.
///
/// # Errors
/// When somebody else has it.
pub fn bind(port: u16) -> io::Result<PktinfoSocket> {
    PktinfoSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port), false)
}

/// Answers for ever.
///
/// # Cancel safety
/// Dropping the future closes the port at once.
pub async fn serve(socket: PktinfoSocket, devices: Devices) {
    let mut buffer = [0; MAX_FRAME + 1];
    loop {
        match socket.receive(&mut buffer).await {
            Ok(arrival) if arrival.truncated || !devices.allows_client(arrival.from.ip().to_owned().into()) => {}
            Ok(arrival) => {
                let datagram = buffer.get(..arrival.length).unwrap_or_default();
                if let Some(wish) = Wish::of(datagram) {
                    answer(&socket, &devices, wish, arrival).await;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "discovery could not receive");
                clock::sleep(AFTER_ERROR).await;
            }
        }
    }
}

async fn answer(socket: &PktinfoSocket, devices: &Devices, wish: Wish, arrival: Arrival) {
    let all = devices.announced();
    let wanted = all.iter().any(|one| wish.means(one.device.id));
    if !wanted {
        return;
    }
    let addresses = if arrival.is_unicast() && devices.scope().is_everywhere() { Vec::new() } else { interfaces::addresses() };
    let answering = if arrival.is_unicast() {
        roster::at(&all, arrival.local).map(|one| (one, arrival.local)).into_iter().collect()
    } else {
        roster::on_link(&all, arrival.local, &interfaces::link_of(arrival.local, &addresses))
    };
    let covered = |local: &Ipv4Addr| devices.scope().covers(*local, &addresses);
    for (one, local) in answering.into_iter().filter(|(one, local)| wish.means(one.device.id) && covered(local)) {
        let Ok(reply) = answer::reply(one, local) else { continue };
        if let Err(error) = socket.send(&reply, arrival.from, local).await {
            tracing::debug!(%error, client.addr = %arrival.from, "could not answer a discovery");
        } else {
            tracing::trace!(client.addr = %arrival.from, device.id = %one.device.id, %local, "discovery answered");
        }
    }
}
