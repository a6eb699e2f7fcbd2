//! What the settings say about the first device, kept in the store.

use anyhow::Context;

use crate::model::device::DeviceSettings;
use crate::store::Store;

/// Gives the first device the tuners and the id that the settings name; what they do not name stays.
///
/// # Errors
/// When the id belongs to another device, or the change cannot be stored.
pub async fn apply(store: &Store, settings: &DeviceSettings) -> anyhow::Result<()> {
    let Some(mut first) = store.devices().into_iter().next() else { return Ok(()) };
    if let Some(id) = settings.id.filter(|id| *id != first.id) {
        tracing::info!(device.id = %id, device.id_before = %first.id, "the first device takes the id that the settings name");
        store.set_device_id(first.row, id).await.with_context(|| format!("cannot use the device id {id}"))?;
    }
    if let Some(tuners) = settings.tuners.filter(|tuners| *tuners != first.tuner_count) {
        tracing::info!(device.tuners = tuners, device.tuners_before = first.tuner_count, "the first device's tuners are changed");
        first.tuner_count = tuners;
        store.update_device(first).await.context("cannot keep the number of tuners")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_named_is_kept_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let made = store.devices().remove(0);
        apply(&store, &DeviceSettings { id: None, tuners: Some(2) }).await.unwrap();
        assert_eq!((store.devices()[0].id, store.devices()[0].tuner_count), (made.id, 2));
        let id = "1080F19F".parse().unwrap();
        apply(&store, &DeviceSettings { id: Some(id), tuners: None }).await.unwrap();
        store.close().await;
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        apply(&store, &DeviceSettings::default()).await.unwrap();
        let first = store.devices().remove(0);
        assert_eq!((first.id, first.tuner_count, first.udn), (id, 2, made.udn));
    }
}
