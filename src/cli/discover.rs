//! `rooftop discover`: looks for HDHomeRun devices the way clients do.

mod reply;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::json;
use tokio::net::UdpSocket;

use self::reply::Found;
use super::args::Discover;
use crate::base::clock;
use crate::hdhr::discover_udp::PORT;

/// As libhdhomerun: two tries, 200 ms each.
const TRIES: u32 = 2;
const WAIT: Duration = Duration::from_millis(200);

pub(super) fn run(args: &Discover, as_json: bool) -> anyhow::Result<ExitCode> {
    let found = super::small_runtime()?.block_on(look(args.address))?;
    if as_json {
        let rows: Vec<_> = found.iter().map(|(from, device)| row(*from, device)).collect();
        super::print_json(&rows.into());
    } else if found.is_empty() {
        println!("no HDHomeRun device answered");
    } else {
        for (from, device) in &found {
            let url = device.base_url.as_deref().unwrap_or("-");
            println!("{:08X} at {} with {} tuners, {url}", device.device_id, from.ip(), device.tuner_count);
        }
    }
    Ok(if found.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn row(from: SocketAddr, device: &Found) -> serde_json::Value {
    json!({
        "device_id": format!("{:08X}", device.device_id),
        "address": from.ip(),
        "tuner_count": device.tuner_count,
        "base_url": device.base_url,
        "lineup_url": device.lineup_url,
    })
}

async fn look(only: Option<Ipv4Addr>) -> anyhow::Result<BTreeMap<SocketAddr, Found>> {
    let request = reply::request()?;
    let mut sockets = Vec::new();
    for local in local_addresses(only)? {
        let socket = UdpSocket::bind(SocketAddrV4::new(local, 0)).await.with_context(|| format!("cannot use {local}"))?;
        socket.set_broadcast(true).context("cannot broadcast")?;
        sockets.push(socket);
    }
    let to = SocketAddrV4::new(only.unwrap_or(Ipv4Addr::BROADCAST), PORT);
    let mut found = BTreeMap::new();
    for _ in 0..TRIES {
        for socket in &sockets {
            if let Err(error) = socket.send_to(&request, to).await
                && sockets.len() == 1
            {
                bail!("cannot send to {to}: {error}");
            }
        }
        let until = clock::now() + WAIT;
        for socket in &sockets {
            let mut buffer = [0; 1500];
            while let Ok(Ok((len, from))) =
                clock::timeout(until.saturating_duration_since(clock::now()), socket.recv_from(&mut buffer)).await
            {
                if let Some(device) = buffer.get(..len).and_then(Found::read) {
                    found.insert(from, device);
                }
            }
        }
        if only.is_some() && !found.is_empty() {
            break;
        }
    }
    Ok(found)
}

/// A socket for each address: a broadcast leaves on the interface of its source address.
fn local_addresses(only: Option<Ipv4Addr>) -> anyhow::Result<Vec<Ipv4Addr>> {
    if only.is_some() {
        return Ok(vec![Ipv4Addr::UNSPECIFIED]);
    }
    let interfaces = if_addrs::get_if_addrs().context("cannot list network interfaces")?;
    let addresses: Vec<Ipv4Addr> = interfaces
        .iter()
        .filter(|interface| !interface.is_loopback())
        .filter_map(|interface| match interface.ip() {
            std::net::IpAddr::V4(ip) => Some(ip),
            std::net::IpAddr::V6(_) => None,
        })
        .collect();
    if addresses.is_empty() {
        bail!("no network interface is up; to ask one device, give its address");
    }
    Ok(addresses)
}
