//! A real server, and one that does everything wrong.
