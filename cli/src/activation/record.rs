//! `activation.json`: what a built system says about how it becomes active.
//!
//! The embedded modules write it (`eval/nixlib/modules/system/activation.nix` documents each
//! field); a system of nixpkgs has its own program for the work and no such record.

use super::accounts::{Group, User};
use serde::Deserialize;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The version of the record that is understood.
const VERSION: u32 = 1;

/// What activation needs to know of a system.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// The version of the record.
    version: u32,
    /// The name of the machine.
    pub(crate) host_name: String,
    /// What lists and menus show of the system.
    pub(crate) label: String,
    /// Whether accounts that are not declared stay.
    pub(crate) mutable_users: bool,
    /// The declared users.
    pub(crate) users: Vec<User>,
    /// The declared groups.
    pub(crate) groups: Vec<Group>,
    /// Files of `/etc` that are copies.
    pub(crate) etc_copies: Vec<EtcCopy>,
    /// Scripts to run, in order.
    pub(crate) activation_scripts: Vec<Script>,
    /// The boot loader and what it starts.
    pub(crate) boot: Boot,
    /// Programs that the host must have.
    pub(crate) host_programs: Vec<HostProgram>,
    /// Packages with nothing behind them.
    pub(crate) missing_packages: Vec<String>,
}

/// A file of `/etc` that is a copy with its own permissions.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct EtcCopy {
    /// The path below `/etc`.
    pub(crate) path: PathBuf,
    /// The permissions, in octal.
    pub(crate) mode: String,
    /// The owner: a name, or `+` and a number.
    pub(crate) user: String,
    /// The group: a name, or `+` and a number.
    pub(crate) group: String,
}

/// A script that runs at each activation.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Script {
    /// What messages call it.
    pub(crate) name: String,
    /// Its text, for a POSIX shell.
    pub(crate) text: String,
}

/// A program that the system takes from its host.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
pub(crate) struct HostProgram {
    /// The package that stands for it.
    pub(crate) package: String,
    /// Its name.
    pub(crate) program: String,
    /// Where the host has it.
    pub(crate) path: PathBuf,
}

/// The boot loader and what it starts.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Boot {
    /// `grub`, `systemd-boot`, `external` or `none`.
    pub(crate) loader: String,
    /// Seconds until the default starts; none: the loader waits.
    pub(crate) timeout: Option<u32>,
    /// The kernel, a path of the running system.
    pub(crate) kernel: String,
    /// The first file system, a path of the running system.
    pub(crate) initrd: Option<String>,
    /// The kernel's parameters.
    pub(crate) kernel_params: Vec<String>,
    /// What is particular to GRUB.
    pub(crate) grub: Grub,
    /// What is particular to systemd-boot.
    #[serde(rename = "systemdBoot")]
    pub(crate) systemd: SystemdBoot,
    /// Where loaders for EFI lie.
    pub(crate) efi: Efi,
}

/// Where loaders for EFI lie.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Efi {
    /// The mount point of the EFI system partition.
    pub(crate) mount_point: PathBuf,
}

/// What is particular to GRUB.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Grub {
    /// Disks whose boot sectors lead to the menu; `nodev` for none.
    pub(crate) devices: Vec<String>,
    /// Lines for the top of the menu's file.
    pub(crate) extra_config: String,
    /// Entries after those of the generations.
    pub(crate) extra_entries: String,
    /// How many generations the menu shows.
    pub(crate) configuration_limit: usize,
}

/// What is particular to systemd-boot.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SystemdBoot {
    /// Whether a person at the menu may change parameters.
    pub(crate) editor: bool,
    /// How many generations the menu shows; none: all.
    pub(crate) configuration_limit: Option<usize>,
}

/// Why a record cannot be used.
#[derive(Debug)]
pub(crate) enum RecordError {
    /// It cannot be read.
    Read(PathBuf, io::Error),
    /// It is not what this version writes.
    Malformed(PathBuf, serde_json::Error),
    /// It is of another version.
    Version(PathBuf, u32),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, error) => write!(f, "reading `{}`: {error}", path.display()),
            Self::Malformed(path, error) => write!(f, "`{}`: {error}", path.display()),
            Self::Version(path, version) => {
                write!(f, "`{}` has version {version}, not {VERSION}", path.display())
            }
        }
    }
}

impl std::error::Error for RecordError {}

impl Record {
    /// Reads the record of the system at `place`.
    ///
    /// # Errors
    ///
    /// When it is not there, or not what this version writes.
    pub(crate) fn read(place: &Path) -> Result<Self, RecordError> {
        let path = place.join("activation.json");
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) => return Err(RecordError::Read(path, error)),
        };
        let record: Self = match serde_json::from_slice(&text) {
            Ok(record) => record,
            Err(error) => return Err(RecordError::Malformed(path, error)),
        };
        if record.version != VERSION {
            return Err(RecordError::Version(path, record.version));
        }
        Ok(record)
    }
}
