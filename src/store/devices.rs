//! Virtual devices.

use std::net::SocketAddr;

use rusqlite::{Connection, OptionalExtension, named_params};

use super::writer::Stale;
use super::{Store, StoreError, load, random};
use crate::model::{Device, DeviceId};

/// A device about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDevice {
    /// Its HDHomeRun id; a random one if absent.
    pub id: Option<DeviceId>,
    /// Name shown to people.
    pub name: String,
    /// Tuners, at least 1.
    pub tuner_count: u8,
    /// Address of its own.
    pub listen: Option<SocketAddr>,
}

impl Default for NewDevice {
    fn default() -> Self {
        Self { id: None, name: "Rooftop".to_owned(), tuner_count: 4, listen: None }
    }
}

impl Store {
    /// Devices, the first one first. From memory.
    pub fn devices(&self) -> Vec<Device> {
        self.catalog().devices.clone()
    }

    /// Makes a device.
    ///
    /// # Errors
    /// When its id or address belongs to another one, or it cannot be stored.
    pub async fn add_device(&self, new: NewDevice) -> Result<Device, StoreError> {
        self.change(move |connection| Ok((Stale::CATALOG, add(connection, new)?))).await
    }

    /// Changes name, tuners or address of the device with this row; its id, `auth` and `udn` stay.
    ///
    /// # Errors
    /// When there is none, or its address belongs to another one, or it cannot be stored.
    pub async fn update_device(&self, device: Device) -> Result<(), StoreError> {
        self.change(move |connection| {
            check_listen(connection, device.listen, Some(device.row))?;
            let changed = connection.execute(
                "UPDATE devices SET name = :name, tuner_count = :tuners, listen = :listen WHERE id = :row",
                named_params! {
                    ":row": device.row,
                    ":name": device.name,
                    ":tuners": device.tuner_count.max(1),
                    ":listen": device.listen.map(|listen| listen.to_string()),
                },
            )?;
            if changed == 0 { Err(StoreError::NoSuchDevice) } else { Ok((Stale::CATALOG, ())) }
        })
        .await
    }

    /// Gives the device with this row another id: that of a tuner whose place it takes. Clients take it for another device.
    ///
    /// # Errors
    /// When there is none, the id belongs to another one, or it cannot be stored.
    pub async fn set_device_id(&self, row: i64, id: DeviceId) -> Result<(), StoreError> {
        self.change(move |connection| {
            let sql = "SELECT id FROM devices WHERE device_id = ?1";
            let owner: Option<i64> = connection.query_row(sql, [id.to_string()], |row| row.get(0)).optional()?;
            if owner.is_some_and(|owner| owner != row) {
                return Err(StoreError::DeviceTaken(id));
            }
            let sql = "UPDATE devices SET device_id = :id WHERE id = :row";
            let changed = connection.execute(sql, named_params! { ":id": id.to_string(), ":row": row })?;
            if changed == 0 { Err(StoreError::NoSuchDevice) } else { Ok((Stale::CATALOG, ())) }
        })
        .await
    }

    /// Takes a device away. The first one stays.
    ///
    /// # Errors
    /// When there is none, it is the first one, or the change cannot be stored.
    pub async fn remove_device(&self, row: i64) -> Result<(), StoreError> {
        self.change(move |connection| {
            let first: Option<i64> = connection.query_row("SELECT min(id) FROM devices", [], |row| row.get(0))?;
            if first == Some(row) {
                return Err(StoreError::FirstDevice);
            }
            let removed = connection.execute("DELETE FROM devices WHERE id = ?1", [row])?;
            if removed == 0 { Err(StoreError::NoSuchDevice) } else { Ok((Stale::CATALOG, ())) }
        })
        .await
    }
}

/// Makes the first device where there is none.
pub(super) fn ensure_first(connection: &Connection) -> Result<(), StoreError> {
    let any: bool = connection.query_row("SELECT EXISTS (SELECT 1 FROM devices)", [], |row| row.get(0))?;
    if !any {
        let device = add(connection, NewDevice::default())?;
        tracing::info!(device.id = %device.id, "a device was made; it keeps its id for ever");
    }
    Ok(())
}

fn add(connection: &Connection, new: NewDevice) -> Result<Device, StoreError> {
    let taken = |id: DeviceId| -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM devices WHERE device_id = ?1)";
        Ok(connection.query_row(sql, [id.to_string()], |row| row.get(0))?)
    };
    let id = match new.id {
        Some(id) if taken(id)? => return Err(StoreError::DeviceTaken(id)),
        Some(id) => id,
        None => loop {
            let id = random::device_id()?;
            if !taken(id)? {
                break id;
            }
        },
    };
    check_listen(connection, new.listen, None)?;
    connection.execute(
        "INSERT INTO devices (device_id, auth, udn, name, tuner_count, listen)
         VALUES (:id, :auth, :udn, :name, :tuners, :listen)",
        named_params! {
            ":id": id.to_string(),
            ":auth": random::url_safe::<24>()?,
            ":udn": random::uuid()?,
            ":name": new.name,
            ":tuners": new.tuner_count.max(1),
            ":listen": new.listen.map(|listen| listen.to_string()),
        },
    )?;
    load::devices(connection)?.into_iter().find(|device| device.id == id).ok_or(StoreError::NoSuchDevice)
}

fn check_listen(connection: &Connection, listen: Option<SocketAddr>, own: Option<i64>) -> Result<(), StoreError> {
    let Some(listen) = listen else { return Ok(()) };
    let sql = "SELECT id FROM devices WHERE listen = ?1";
    let owner: Option<i64> = connection.query_row(sql, [listen.to_string()], |row| row.get(0)).optional()?;
    if owner.is_some() && owner != own { Err(StoreError::ListenTaken(listen)) } else { Ok(()) }
}
