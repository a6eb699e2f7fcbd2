//! What the matcher is measured with: real guides, labels made by hand, and spellings of names that playlists use.

mod guides;
mod labels;
mod perturb;
mod rules;
mod score;
