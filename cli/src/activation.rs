//! Making a built system the active one, below `/` or below a directory.

mod accounts;
mod etc;
mod files;
