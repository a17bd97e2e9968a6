//! Flakes, as far as they are text: references to them.

pub mod reference;
mod url;
