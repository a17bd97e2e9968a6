//! Which store is meant: the settings' choice, opened.

use crate::report::{Failure, Outcome};
use crate::settings::Settings;
use store::Store;

/// Opens the store that the settings name.
///
/// # Errors
///
/// When it is not there and cannot be made, or is damaged.
pub(crate) fn open(_settings: &Settings) -> Outcome<Box<dyn Store>> {
    Err(Failure::new("stores are not built yet"))
}
