//! What the boot loader is told: the generations with what they start, and the files that say so.

use super::boot::{self, Entry, Options};
use super::date;
use super::files::{ChangeError, Node, Transaction};
use super::machine::Machine;
use super::record::{Boot, Record};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use store::profile::Generation;

/// The menu of GRUB, below the root.
const GRUB_MENU: &str = "boot/grub/grub.cfg";

/// How the entries of systemd-boot begin; others there are not ours.
const ENTRY_PREFIX: &str = "nixos-generation-";

/// Generations as the boot loader shows them.
pub(crate) struct Menu {
    entries: Vec<Entry>,
    /// What a person should know.
    pub(crate) warnings: Vec<String>,
}

impl Menu {
    /// Collects the entries of `generations`; one that says nothing of how it starts is left out.
    pub(crate) fn collect(machine: &Machine, generations: &[Generation]) -> Self {
        let mut menu = Self { entries: Vec::new(), warnings: Vec::new() };
        for generation in generations {
            let record = machine
                .system_of(generation)
                .map_err(|failure| failure.message)
                .and_then(|system| system.record().map_err(|error| error.to_string()));
            match record {
                Ok(record) => menu.push(generation, &record),
                Err(problem) => {
                    let number = generation.number;
                    menu.warnings
                        .push(format!("generation {number} is not in the boot menu: {problem}"));
                }
            }
        }
        menu
    }

    fn push(&mut self, generation: &Generation, record: &Record) {
        let day = date::day(generation.created);
        self.entries.push(Entry {
            number: generation.number,
            label: format!("{day} - {} {}", record.host_name, record.label),
            system: generation.target.to_string_lossy().into_owned(),
            kernel: record.boot.kernel.clone(),
            initrd: record.boot.initrd.clone(),
            parameters: record.boot.kernel_params.join(" "),
        });
    }

    /// Plans the files of the boot loader that `boot` names.
    ///
    /// # Errors
    ///
    /// When a place cannot be changed.
    pub(crate) fn plan(
        &mut self,
        transaction: &mut Transaction,
        boot: &Boot,
        active: u64,
    ) -> Result<(), ChangeError> {
        match boot.loader.as_str() {
            "grub" => self.plan_grub(transaction, boot, active),
            "systemd-boot" => self.plan_systemd_boot(transaction, boot, active),
            _ => Ok(()),
        }
    }

    fn plan_grub(
        &mut self,
        transaction: &mut Transaction,
        boot: &Boot,
        active: u64,
    ) -> Result<(), ChangeError> {
        let options = Options {
            timeout: boot.timeout,
            extra: boot.grub.extra_config.clone(),
            limit: boot.grub.configuration_limit,
        };
        let mut text = boot::grub_menu(&self.entries, active, &options);
        if !boot.grub.extra_entries.is_empty() {
            text.push('\n');
            text.push_str(&boot.grub.extra_entries);
        }
        let disks: Vec<&str> =
            boot.grub.devices.iter().map(String::as_str).filter(|disk| *disk != "nodev").collect();
        let is_there = transaction.root().join(GRUB_MENU).exists();
        if !disks.is_empty() && !is_there {
            let disks = disks.join(", ");
            self.warnings.push(format!(
                "the menu of GRUB is written, its boot sector is not: run `grub-install` on {disks}"
            ));
        }
        transaction.set(GRUB_MENU, text_file(text))
    }

    fn plan_systemd_boot(
        &mut self,
        transaction: &mut Transaction,
        boot: &Boot,
        active: u64,
    ) -> Result<(), ChangeError> {
        let mount_point = &boot.efi.mount_point;
        let partition = mount_point.strip_prefix("/").unwrap_or(mount_point).to_owned();
        let directory = partition.join("loader/entries");
        let limit = boot.systemd.configuration_limit.unwrap_or(usize::MAX);
        let mut names = BTreeSet::new();
        for entry in boot::shown(&self.entries, active, limit) {
            let mut entry = entry.clone();
            for path in std::iter::once(&mut entry.kernel).chain(entry.initrd.iter_mut()) {
                match Path::new(path.as_str()).strip_prefix(mount_point) {
                    Ok(below) => *path = format!("/{}", below.display()),
                    Err(_) => self.warnings.push(format!(
                        "systemd-boot does not find `{path}`: it is not on `{}`",
                        mount_point.display()
                    )),
                }
            }
            let name = format!("{ENTRY_PREFIX}{}.conf", entry.number);
            transaction.set(directory.join(&name), text_file(boot::loader_entry(&entry)))?;
            names.insert(name);
        }
        for name in old_entries(&transaction.root().join(&directory)) {
            if !names.contains(&name) {
                transaction.set(directory.join(name), Node::Nothing)?;
            }
        }
        let default = format!("{ENTRY_PREFIX}{active}.conf");
        let text = boot::loader_settings(&default, boot.timeout, boot.systemd.editor);
        transaction.set(partition.join("loader/loader.conf"), text_file(text))
    }
}

fn text_file(text: String) -> Node {
    Node::File { content: text.into_bytes(), mode: 0o644, owner: None }
}

/// Lists the entries that earlier switches wrote.
fn old_entries(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let name = |entry: std::fs::DirEntry| entry.file_name().into_string().ok();
    let mut names: Vec<String> = entries.flatten().filter_map(name).collect();
    names.retain(|name| name.starts_with(ENTRY_PREFIX));
    names.sort();
    names
}

/// Returns the generation that a switch is about to make.
pub(crate) fn coming(number: u64, link: PathBuf, target: PathBuf) -> Generation {
    Generation { number, link, target, created: SystemTime::now() }
}
