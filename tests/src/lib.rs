//! How we know: the harness that every crate dev-depends on.
