//! What the matcher is measured with: real guides, and spellings of their names that playlists use.

mod guides;
mod perturb;
