//! What is noted for people: where streams may come, and what of those that are described cannot be received.

use std::net::SocketAddr;
use std::sync::PoisonError;

use super::Registry;

impl Registry {
    /// Notes at which addresses streams may come by SRT.
    pub fn listens(&self, at: Vec<SocketAddr>) {
        *self.listening.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// Where that is.
    pub fn listening(&self) -> Vec<SocketAddr> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes at which addresses and groups streams may come by RTP.
    pub fn listens_for_rtp(&self, at: Vec<SocketAddr>) {
        *self.listening_for_rtp.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// Where that is.
    pub fn listening_for_rtp(&self) -> Vec<SocketAddr> {
        self.listening_for_rtp.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what of a stream that is described cannot be received, in words; `None`: all can.
    pub fn tell_trouble(&self, id: &str, reason: Option<String>) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match reason {
            Some(reason) => _ = troubles.insert(id.to_owned(), reason),
            None => _ = troubles.remove(id),
        }
    }

    /// What that is.
    pub fn trouble(&self, id: &str) -> Option<String> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}
