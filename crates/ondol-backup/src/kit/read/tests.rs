//! What a person types is read.
