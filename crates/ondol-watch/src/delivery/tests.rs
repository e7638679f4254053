//! The outbox with a world that takes messages, refuses them, or is away.
