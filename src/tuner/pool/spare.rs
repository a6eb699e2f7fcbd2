//! Leases of connections that running sessions keep ready: given back as soon as a viewer wants one, or put to use.

use crate::base::clock;
use crate::base::tasks::CancellationToken;
use crate::model::ProviderId;

use super::{ConnectionLease, Connections, Held, Kind, Pool};

impl Pool {
    /// Takes a connection that nobody uses, for a source that is kept ready. `None` where none is free now, where the last one
    /// rests, or where a viewer waits for one.
    ///
    /// `preempt` is cancelled when a viewer wants a connection and finds none; the lease has to be dropped at once then.
    pub fn try_spare(&self, provider: ProviderId, preempt: CancellationToken) -> Option<ConnectionLease> {
        let mut state = self.state();
        let lease = state.next_lease();
        let now = clock::now();
        let connections = state.providers.entry(provider).or_insert_with(Connections::unlimited);
        let rests = connections.settle_until.is_some_and(|until| until > now);
        if connections.waiting > 0 || rests || connections.in_use() >= connections.limit {
            return None;
        }
        connections.held.push(Held { lease, since: now, kind: Kind::Spare, idle_since: None, preempt });
        drop(state);
        Some(ConnectionLease { pool: self.clone(), provider, lease })
    }
}

impl ConnectionLease {
    /// A spare connection is put to use for viewers: from now on it yields like any other, by `preempt`. `false`: too late, a
    /// viewer of another channel waits for it.
    pub fn put_to_use(&self, preempt: CancellationToken) -> bool {
        let mut state = self.pool.state();
        let Some(connections) = state.providers.get_mut(&self.provider) else { return false };
        let Some(held) = connections.held.iter_mut().find(|held| held.lease == self.lease) else { return false };
        if held.preempt.is_cancelled() {
            return false;
        }
        (held.kind, held.preempt) = (Kind::Client, preempt);
        true
    }
}
