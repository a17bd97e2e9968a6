//! How we know: the harness that every crate dev-depends on.
//!
//! It depends on no crate of the workspace, so that all of them may depend on it.
//! [`literate`] runs cases written as Markdown; [`fixture`] reads several files and a cursor out
//! of one text.

pub mod fixture;
pub mod literate;
