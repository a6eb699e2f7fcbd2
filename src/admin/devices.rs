//! What people do with virtual tuners: checked, and carried out by the backend. The API and the page are two ways of asking for the same.

use std::net::SocketAddr;

use serde::Deserialize;

use super::{AdminState, BackendError, DevicePatch, FeedsError, NewDevice};
use crate::model::{Device, DeviceId};

/// Names go into documents that small boxes show in one line.
const LONGEST_NAME: usize = 64;
const MOST_TUNERS: u8 = 32;
/// Of a new one where nobody says.
pub const TUNERS: u8 = 4;

/// A device as a request has it. Of a new one all members are wanted but `id` and `tuner_count`.
#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceRequest {
    /// Its HDHomeRun id.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// How many tuners.
    pub tuner_count: Option<u8>,
    /// Address of its own.
    pub listen: Option<String>,
}

/// Makes a device.
///
/// # Errors
/// When it cannot be.
pub async fn add(state: &AdminState, wanted: DeviceRequest) -> Result<Device, FeedsError> {
    let listen = wanted.listen.as_deref().ok_or_else(|| {
        FeedsError::invalid("listen", "A further device needs an address of its own, such as 192.168.1.11:80 or 0.0.0.0:5005.")
    })?;
    let name = wanted.name.as_deref().ok_or_else(|| FeedsError::invalid("name", "A device needs a name."))?;
    let id = wanted.id.as_deref().map(str::parse::<DeviceId>).transpose();
    let new = NewDevice {
        name: valid_name(name)?,
        tuner_count: valid_tuners(wanted.tuner_count.unwrap_or(TUNERS))?,
        id: id.map_err(|error| FeedsError::invalid("id", format!("{error}.")))?,
        listen: valid_listen(listen)?,
    };
    Ok(state.backend.add_device(new).await?)
}

/// Changes a device; what is absent stays.
///
/// # Errors
/// When there is none, or it cannot be as is wanted.
pub async fn change(state: &AdminState, id: DeviceId, wanted: DeviceRequest) -> Result<Device, FeedsError> {
    if wanted.id.is_some() {
        return Err(FeedsError::invalid("id", "The id of a device stays: players know it by that. Make another device instead."));
    }
    if wanted.listen.is_some() && is_first(state, id) {
        return Err(FeedsError::invalid("listen", "The first device is on the main addresses, which the setting `listen` has."));
    }
    let patch = DevicePatch {
        name: wanted.name.as_deref().map(valid_name).transpose()?,
        tuner_count: wanted.tuner_count.map(valid_tuners).transpose()?,
        listen: wanted.listen.as_deref().map(valid_listen).transpose()?,
    };
    Ok(state.backend.change_device(id, patch).await?)
}

/// Takes a device away.
///
/// # Errors
/// When there is none, or it is the first one.
pub async fn remove(state: &AdminState, id: DeviceId) -> Result<(), FeedsError> {
    if is_first(state, id) {
        return Err(FeedsError::Conflict("The first device stays: it has port 80 and discovery.".to_owned()));
    }
    Ok(state.backend.remove_device(id).await?)
}

/// The id of a path, if there is such a device.
///
/// # Errors
/// When there is none.
pub fn existing(state: &AdminState, id: &str) -> Result<DeviceId, FeedsError> {
    let none = FeedsError::NotFound("There is no device with this id.");
    let Ok(id) = id.parse::<DeviceId>() else { return Err(none) };
    let exists = state.backend.catalog().devices.iter().any(|device| device.id == id);
    if exists { Ok(id) } else { Err(none) }
}

fn is_first(state: &AdminState, id: DeviceId) -> bool {
    state.backend.catalog().devices.first().is_some_and(|first| first.id == id)
}

fn valid_name(name: &str) -> Result<String, FeedsError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(FeedsError::invalid(
            "name",
            format!("A name has 1 to {LONGEST_NAME} characters, and no control characters."),
        ));
    }
    Ok(name.to_owned())
}

fn valid_tuners(count: u8) -> Result<u8, FeedsError> {
    if (1..=MOST_TUNERS).contains(&count) { Ok(count) } else { Err(no_such_count()) }
}

/// The same from what was typed in.
///
/// # Errors
/// When it is no number, or not one that can be.
pub fn typed_tuners(text: &str) -> Result<u8, FeedsError> {
    text.trim().parse().map_err(|_| no_such_count()).and_then(valid_tuners)
}

fn no_such_count() -> FeedsError {
    FeedsError::invalid("tuner_count", format!("A device has 1 to {MOST_TUNERS} tuners."))
}

fn valid_listen(listen: &str) -> Result<SocketAddr, FeedsError> {
    let no_address = || FeedsError::invalid("listen", "`listen` is an IP address and a port, such as 192.168.1.11:80.");
    let listen: SocketAddr = listen.trim().parse().map_err(|_| no_address())?;
    if listen.port() == 0 || listen.ip().is_multicast() {
        return Err(FeedsError::invalid("listen", "`listen` needs a port, and an address of this machine."));
    }
    Ok(listen)
}

impl From<BackendError> for FeedsError {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::NotFound => Self::NotFound("There is none with this id."),
            BackendError::Conflict(text) => Self::Conflict(text),
            BackendError::Failed => Self::Failed,
        }
    }
}
