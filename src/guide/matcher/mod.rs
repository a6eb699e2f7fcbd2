//! Which channel of a guide belongs to which of ours.

#[cfg(test)]
mod tests;
