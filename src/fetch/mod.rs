//! L2: gets a feed from a file or an address into a file that can be read at leisure. It knows nothing of what is in it.
