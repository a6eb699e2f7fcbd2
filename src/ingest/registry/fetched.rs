//! Streams that are fetched: inputs while they come, for one reader each.

use super::{Publisher, Registry, Sender};

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is pushed to us, whom its sender has called.
    Listener,
    /// It is fetched: we have called its sender.
    Caller,
    /// It is fetched: both have called.
    Rendezvous,
}

impl Role {
    /// As the API has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::Caller => "caller",
            Self::Rendezvous => "rendezvous",
        }
    }
}

impl Registry {
    /// Begins a stream that is fetched, for one reader. It is shown while it comes, as `name` or something like it; nobody else
    /// can read it or take it over.
    pub fn call(&self, name: &str, sender: Sender, role: Role) -> Publisher {
        let inputs = self.lock();
        let mut id = name.to_owned();
        let mut number = 1;
        while inputs.contains_key(&id) {
            number += 1;
            id = format!("{name} ({number})");
        }
        self.begin(inputs, id, sender, role)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::{FutureExt, StreamExt};

    use super::*;
    use crate::ingest::registry::Kind;
    use crate::source::Chunk;
    use crate::source::pushed::Pushed;

    fn sender() -> Sender {
        Sender { kind: Kind::Srt, from: "192.168.1.1:4000".parse().unwrap(), proven: true }
    }

    #[test]
    fn what_is_fetched_is_its_readers_alone() {
        let registry = Registry::default();
        let mut first = registry.call("srt://h:1", sender(), Role::Caller);
        let second = registry.call("srt://h:1", sender(), Role::Caller);
        assert_eq!((first.id(), second.id()), ("srt://h:1", "srt://h:1 (2)"));
        let mut reader = first.read();
        assert!(registry.open("srt://h:1").is_err() && registry.publish("srt://h:1", sender()).is_err());
        assert!(!registry.pause("srt://h:1", true));
        first.push(Bytes::from_static(b"1"));
        assert_eq!(reader.next().now_or_never().unwrap().unwrap().unwrap(), Chunk::Bytes(Bytes::from_static(b"1")));
        assert_eq!(registry.all()[0].role, Role::Caller);
        drop(first);
        assert!(reader.next().now_or_never().unwrap().is_none());
        assert_eq!(registry.all().len(), 1, "it is gone when it is over");
    }
}
