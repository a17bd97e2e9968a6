//! What it builds: store objects, derivations, and the sandbox that makes them.

/// A store.
pub trait Store: Send + Sync {}
