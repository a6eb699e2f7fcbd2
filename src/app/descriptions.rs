//! Streams that a person has described on the page Inputs: they are received while their description is stored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock;
use crate::ingest::Registry;
use crate::ingest::rtp::port::{Describing, Receiving};
use crate::store::{Catalog, Store};

/// What is stored is looked at so often.
const OFTEN: Duration = Duration::from_secs(1);
/// What cannot be received is tried again after this time: a port may be free by then.
const AGAIN: Duration = Duration::from_secs(30);

/// Ports are given back within this time.
const GIVEN_BACK: Duration = Duration::from_millis(200);

/// Keeps what is received at what is stored.
pub struct Descriptions {
    store: Store,
    registry: Registry,
    describing: Describing,
    /// By name: the description, and what came of it.
    all: BTreeMap<String, (String, Option<Receiving>)>,
}

impl Descriptions {
    /// With none yet.
    pub fn new(store: &Store, registry: &Registry, describing: &Describing) -> Self {
        Self { store: store.clone(), registry: registry.clone(), describing: describing.clone(), all: BTreeMap::new() }
    }

    /// Goes on for as long as the program runs.
    pub async fn while_serving(mut self) {
        let mut seen: Option<Arc<Catalog>> = None;
        let mut again = clock::now();
        loop {
            let catalog = self.store.catalog();
            let now = clock::now();
            let changed = seen.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, &catalog));
            if changed || (now >= again && self.all.values().any(|(_, receiving)| receiving.is_none())) {
                again = now + AGAIN;
                self.let_go(&catalog).await;
                self.receive(&catalog);
            }
            seen = Some(catalog);
            clock::sleep(OFTEN).await;
        }
    }

    /// What is no longer wanted gives its ports back, before others are asked for.
    async fn let_go(&mut self, catalog: &Catalog) {
        let wanted = |name: &str| catalog.input_rules.get(name).and_then(|rule| rule.sdp.as_deref());
        let before = self.all.len();
        let Self { all, registry, .. } = self;
        all.retain(|name, (text, _)| {
            let stays = wanted(name) == Some(text.as_str());
            if !stays {
                registry.tell_trouble(name, None);
            }
            stays
        });
        if self.all.len() < before {
            // A task that is dropped ends a moment later, and its sockets with it.
            clock::sleep(GIVEN_BACK).await;
        }
    }

    fn receive(&mut self, catalog: &Catalog) {
        for (name, text) in catalog.input_rules.iter().filter_map(|(name, rule)| Some((name, rule.sdp.as_ref()?))) {
            let known = self.all.get(name);
            if known.is_some_and(|(_, receiving)| receiving.is_some()) {
                continue;
            }
            let received = self.describing.receive(name, text);
            if let (Err(reason), None) = (&received, known) {
                tracing::warn!(stream = name, "a stream that is described cannot be received: {reason}");
            }
            let trouble = match &received {
                Ok(receiving) => receiving.left_out().map(str::to_owned),
                Err(reason) => Some(format!("cannot be received, {reason}")),
            };
            self.registry.tell_trouble(name, trouble);
            self.all.insert(name.clone(), (text.clone(), received.ok()));
        }
    }
}
