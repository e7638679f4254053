//! What a store knows of how things are, also after it was closed.
