//! L1: the domain, as plain types. No I/O, no clock, no database.

pub mod channel;
pub mod device;
pub mod fault;
pub mod feed;
pub mod health;
pub mod history;
pub mod ids;
pub mod input;
pub mod item;
pub mod lineup;
pub mod names;
pub mod person;
pub mod programme;
pub mod rules;
pub mod source;
pub mod stream_info;
pub mod verdict;
pub mod viewing;

pub use channel::{Channel, NewChannel};
pub use device::Device;
pub use fault::{Blame, Retry};
pub use feed::{FetchAccess, Validators};
pub use health::Health;
pub use history::{Moment, SessionHistory, SourceHistory, Startup, SubscriberHistory};
pub use ids::{ChannelId, DeviceId, GuideId, GuideNumber, ProviderId, SessionId, SourceId, SubscriberId};
pub use input::InputRule;
pub use item::{Key, PlaylistItem};
pub use programme::{GuideChannel, Programme};
pub use rules::{Assignment, Automatic, Condition, EventBlock, ItemKind, PlaylistRules};
pub use source::{Headers, NewSource, Provider, Route, Source};
pub use stream_info::{AudioInfo, Codec, StreamInfo, SubtitleInfo, VideoInfo};
pub use verdict::Verdict;
pub use viewing::{ViewingEvent, ViewingKind};
