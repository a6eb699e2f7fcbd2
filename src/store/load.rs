//! The catalog read from the database, and rows turned into domain types.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use rusqlite::{Connection, Row};

use super::{Catalog, StoreError, inputs};
use crate::model::{Channel, ChannelId, Device, FetchAccess, Headers, Health, Provider, ProviderId, Route, Source, SourceId};

/// Enabled, living channels that at least one playlist still carries.
pub(super) const CHANNELS: &str = "
    SELECT id, number, coalesce(own_name, name), coalesce(own_logo, logo), coalesce(own_guide_id, guide_id),
           coalesce(own_group, group_name), enabled, favorite, drm, info, hot_standby, station_id FROM channels
    WHERE enabled AND removed_ms IS NULL AND EXISTS (
        SELECT 1 FROM sources JOIN providers ON providers.id = sources.provider_id
        WHERE sources.channel_id = channels.id AND sources.active AND providers.active)";

/// Sources of all channels that playlists still carry, in the order in which they are tried.
pub(super) const SOURCES: &str = "
    SELECT sources.id, channel_id, provider_id, sources.name, url, headers, item_key, priority, enabled,
           failures, last_failure_ms, last_reason, last_success_ms, cool_until_ms, providers.access, providers.location
    FROM sources JOIN providers ON providers.id = sources.provider_id
    LEFT JOIN source_health ON source_health.source_id = sources.id
    WHERE sources.active AND providers.active
    ORDER BY channel_id, own_place IS NULL, own_place, priority, providers.position, sources.id";

/// Reads everything that is served.
pub(super) fn catalog(connection: &Connection) -> Result<Catalog, StoreError> {
    let mut channels = rows(connection, CHANNELS, channel)?;
    channels.sort_by(|a, b| a.number.cmp(&b.number));
    let by_number = channels.iter().enumerate().map(|(index, channel)| (channel.number.clone(), index)).collect();
    let mut sources: HashMap<ChannelId, Vec<Source>> = HashMap::with_capacity(channels.len());
    for mut source in rows(connection, SOURCES, source)? {
        let list = sources.entry(source.channel).or_default();
        // Of a channel 0, 1, 2 …: what is stored leaves room between playlists.
        source.priority = u32::try_from(list.len()).unwrap_or(u32::MAX);
        list.push(source);
    }
    Ok(Catalog {
        channels,
        by_number,
        sources,
        providers: providers(connection)?,
        devices: devices(connection)?,
        device_channels: device_channels(connection)?,
        input_rules: inputs::load(connection)?,
    })
}

/// Playlists in use, in the order in which they were given.
pub(super) fn providers(connection: &Connection) -> Result<Vec<Provider>, StoreError> {
    let sql = "SELECT id, name, location, max_connections FROM providers WHERE active ORDER BY position, id";
    rows(connection, sql, |row| {
        Ok(Provider { id: ProviderId(row.get(0)?), name: row.get(1)?, location: row.get(2)?, max_connections: row.get(3)? })
    })
}

/// Devices, the first one first.
pub(super) fn devices(connection: &Connection) -> Result<Vec<Device>, StoreError> {
    rows(connection, "SELECT id, device_id, auth, udn, name, tuner_count, listen FROM devices ORDER BY id", device)
}

/// The channels of devices that do not have all of them.
fn device_channels(connection: &Connection) -> Result<HashMap<i64, HashSet<ChannelId>>, StoreError> {
    let sql = "SELECT id, channel_id FROM devices LEFT JOIN device_channels ON device_row = id WHERE NOT every_channel";
    let mut channels: HashMap<i64, HashSet<ChannelId>> = HashMap::new();
    for (row, channel) in rows(connection, sql, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?)))? {
        channels.entry(row).or_default().extend(channel.map(ChannelId));
    }
    Ok(channels)
}

/// All rows of a query without parameters.
pub(super) fn rows<T>(
    connection: &Connection,
    sql: &str,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read(row)?);
    }
    Ok(all)
}

/// Reads a column that holds text with a syntax.
pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error| StoreError::Nonsense(format!("{error}")))
}

/// A row of [`CHANNELS`].
pub(super) fn channel(row: &Row<'_>) -> Result<Channel, StoreError> {
    let info: Option<String> = row.get(9)?;
    Ok(Channel {
        id: ChannelId(row.get(0)?),
        number: parsed(row, 1)?,
        name: row.get(2)?,
        logo: row.get(3)?,
        guide_id: row.get(4)?,
        group: row.get(5)?,
        enabled: row.get(6)?,
        favorite: row.get(7)?,
        drm: row.get(8)?,
        // Written by another version, it may not be understood; it is seen anew the next time somebody watches.
        info: info.and_then(|text| serde_json::from_str(&text).ok()),
        hot_standby: row.get(10)?,
        station_id: row.get(11)?,
    })
}

fn source(row: &Row<'_>) -> Result<Source, StoreError> {
    let headers: String = row.get(5)?;
    let headers =
        serde_json::from_str(&headers).map_err(|error| StoreError::Nonsense(format!("headers of a source: {error}")))?;
    let failures: Option<u32> = row.get(9)?;
    let health = Health {
        failures: failures.unwrap_or(0),
        last_failure_ms: row.get(10)?,
        last_reason: row.get(11)?,
        last_success_ms: row.get(12)?,
        cool_until_ms: row.get(13)?,
    };
    let (access, location): (String, String) = (row.get(14)?, row.get(15)?);
    let access = access_of(&access)?;
    Ok(Source {
        id: SourceId(row.get(0)?),
        channel: ChannelId(row.get(1)?),
        provider: ProviderId(row.get(2)?),
        name: row.get(3)?,
        url: row.get(4)?,
        headers: of_provider(access.as_ref(), &location, &row.get::<_, String>(4)?, headers),
        route: access.map(|access| Route { proxy: access.proxy, any_certificate: access.any_certificate }).unwrap_or_default(),
        item_key: row.get(6)?,
        priority: row.get(7)?,
        enabled: row.get(8)?,
        health,
    })
}

/// The headers of a source, with what is set for its playlist: the agent, and, where the source is at the playlist's own host, further
/// headers, which may hold credentials. What the playlist says of the source itself goes first.
fn of_provider(access: Option<&FetchAccess>, location: &str, url: &str, mut headers: Headers) -> Headers {
    let Some(access) = access else { return headers };
    let agent = access.user_agent.as_ref().map(|agent| ("User-Agent".to_owned(), agent.clone()));
    let host = |address: &str| url::Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned));
    let own_host = host(location).is_some() && host(location) == host(url);
    for (name, value) in access.headers.0.iter().filter(|_| own_host).cloned().chain(agent) {
        if !headers.0.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            headers.0.push((name, value));
        }
    }
    headers
}

/// How a playlist is fetched; `None` where nothing is set.
fn access_of(text: &str) -> Result<Option<FetchAccess>, StoreError> {
    if text == "{}" {
        return Ok(None);
    }
    serde_json::from_str(text).map(Some).map_err(|error| StoreError::Nonsense(format!("how a playlist is fetched: {error}")))
}

fn device(row: &Row<'_>) -> Result<Device, StoreError> {
    let listen: Option<String> = row.get(6)?;
    Ok(Device {
        row: row.get(0)?,
        id: parsed(row, 1)?,
        auth: row.get(2)?,
        udn: row.get(3)?,
        name: row.get(4)?,
        tuner_count: row.get(5)?,
        listen: listen.map(|_| parsed(row, 6)).transpose()?,
    })
}
