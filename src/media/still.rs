//! Still pictures, which the media worker makes.

use bytes::Bytes;

use super::worker::job::Job;
use super::worker::{WorkerClient, WorkerError};

/// The first picture of a transport stream, as a JPEG of its size.
///
/// # Errors
/// When the worker is not there or fails, or the stream has no picture that can be decoded.
///
/// # Cancel safety
/// Dropping the future takes the request out of the queue, or ends the worker that does it.
pub async fn jpeg(worker: &WorkerClient, stream: &[u8]) -> Result<Bytes, WorkerError> {
    let mut picture = Vec::new();
    worker.run(Job::Still, stream, &mut picture).await?;
    Ok(picture.into())
}
