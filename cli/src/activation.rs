//! Making a built system the active one, below `/` or below a directory.

mod accounts;
mod boot;
mod etc;
mod files;
mod host_programs;
mod password;
mod record;
mod units;
