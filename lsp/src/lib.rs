//! How an editor asks: `ide` answers, `server` listens.
//!
//! [`ide`] holds pure functions from the database and a position to plain data; [`server`] turns
//! the protocol's messages into calls of those and their answers into messages, and decides
//! nothing about Nix.

pub mod ide;
pub mod server;
