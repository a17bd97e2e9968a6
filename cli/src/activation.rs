//! Making a built system the active one, below `/` or below a directory.
//!
//! A system becomes active in one [`files::Transaction`] under a [`journal`], at whose end the
//! profile's link moves: before, the old generation is the active one, and after it the new one.

mod accounts;
mod boot;
mod date;
mod difference;
mod etc;
mod files;
mod host_programs;
mod inside;
mod journal;
mod live;
mod machine;
mod menu;
mod password;
mod plan;
mod record;
mod scripts;
mod switch;
mod units;

pub(crate) use date::moment;
pub(crate) use difference::Difference;
pub(crate) use journal::unfinished;
pub(crate) use machine::{GenerationLabel, Machine, System, generations, profile};
pub(crate) use switch::{activate, check_host_programs};
