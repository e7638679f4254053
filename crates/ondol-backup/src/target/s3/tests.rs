//! A real service, and one that does everything wrong.
