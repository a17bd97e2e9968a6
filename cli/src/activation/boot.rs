//! The boot menu: one entry for each generation, the active one by default.

use std::fmt::Write as _;

/// A generation as the menu shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// The number of the generation.
    pub(crate) number: u64,
    /// When it was made and what it is, such as `2026-11-22 - demo 26.11`.
    pub(crate) label: String,
    /// The system, as it names itself: `/nix/store/HASH-nixos-system-NAME`.
    pub(crate) system: String,
    /// The kernel, as the boot loader finds it.
    pub(crate) kernel: String,
    /// The first file system, as the boot loader finds it.
    pub(crate) initrd: Option<String>,
    /// The kernel's parameters, without those that name the system.
    pub(crate) parameters: String,
}

/// What the menu says besides its entries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Options {
    /// Seconds until the default starts; none: it waits.
    pub(crate) timeout: Option<u32>,
    /// Lines for the top of the file.
    pub(crate) extra: String,
    /// How many generations are shown at most.
    pub(crate) limit: usize,
}

/// Returns the file that GRUB reads.
///
/// The active generation comes first and is the default; the others follow, newest first.
pub(crate) fn grub_menu(entries: &[Entry], active: u64, options: &Options) -> String {
    let mut text = String::from("# Written at each switch; what is changed here is lost then.\n");
    let timeout = options.timeout.map_or_else(|| "-1".to_owned(), |seconds| seconds.to_string());
    let _ = writeln!(text, "set default=0\nset timeout={timeout}");
    if !options.extra.is_empty() {
        let _ = writeln!(text, "{}", options.extra.trim_end());
    }
    for entry in shown(entries, active, options.limit) {
        push_entry(&mut text, entry);
    }
    text
}

/// Returns the entries that a menu of at most `limit` shows: the active one, then the newest.
pub(crate) fn shown(entries: &[Entry], active: u64, limit: usize) -> Vec<&Entry> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by_key(|entry| (entry.number != active, std::cmp::Reverse(entry.number)));
    sorted.truncate(limit.max(1));
    sorted
}

/// Returns the file by which systemd-boot shows a generation.
pub(crate) fn loader_entry(entry: &Entry) -> String {
    let Entry { number, label, system, kernel, initrd, parameters } = entry;
    let mut text = format!("title NixOS\nversion Generation {number} {label}\nlinux {kernel}\n");
    if let Some(initrd) = initrd {
        let _ = writeln!(text, "initrd {initrd}");
    }
    let options = format!("systemConfig={system} init={system}/init {parameters}");
    let _ = writeln!(text, "options {}", options.trim_end());
    text
}

/// Returns the file with systemd-boot's own settings.
pub(crate) fn loader_settings(default: &str, timeout: Option<u32>, editor: bool) -> String {
    let timeout = timeout.map_or_else(|| "menu-force".to_owned(), |seconds| seconds.to_string());
    let editor = u8::from(editor);
    format!("timeout {timeout}\ndefault {default}\neditor {editor}\n")
}

fn push_entry(text: &mut String, entry: &Entry) {
    let Entry { number, label, system, kernel, initrd, parameters } = entry;
    let title = quoted(&format!("NixOS - Configuration {number} ({label})"));
    let _ = writeln!(text, "\nmenuentry {title} --class nixos --id nixos-{number} {{");
    let line = format!("{kernel} systemConfig={system} init={system}/init {parameters}");
    let _ = writeln!(text, "  linux {}", line.trim_end());
    if let Some(initrd) = initrd {
        let _ = writeln!(text, "  initrd {initrd}");
    }
    text.push_str("}\n");
}

/// Quotes a word for GRUB's shell; single quotes hold everything but themselves.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::{Entry, Options, grub_menu, loader_entry, loader_settings, shown};

    fn entry(number: u64) -> Entry {
        Entry {
            number,
            label: format!("2026-11-2{number} - it's"),
            system: format!("/nix/store/{number}-system"),
            kernel: "/vmlinuz".to_owned(),
            initrd: Some("/initrd.img".to_owned()),
            parameters: "quiet".to_owned(),
        }
    }

    fn options(limit: usize) -> Options {
        Options { timeout: Some(5), extra: String::new(), limit }
    }

    #[test]
    fn the_active_generation_is_the_default() {
        let menu = grub_menu(&[entry(1), entry(2), entry(3)], 2, &options(10));
        let numbers: Vec<&str> = menu
            .match_indices("--id nixos-")
            .map(|(at, mark)| &menu[at + mark.len()..][..1])
            .collect();
        assert_eq!(numbers, ["2", "3", "1"]);
        assert!(menu.contains("set default=0\nset timeout=5\n"));
        let linux = "  linux /vmlinuz systemConfig=/nix/store/2-system \
                     init=/nix/store/2-system/init quiet\n  initrd /initrd.img\n}";
        assert!(menu.contains(linux), "{menu}");
    }

    #[test]
    fn titles_are_quoted_and_the_limit_holds() {
        let menu = grub_menu(&[entry(1), entry(2)], 2, &options(1));
        assert_eq!(menu.matches("menuentry").count(), 1);
        assert!(menu.contains("(2026-11-22 - it'\\''s)'"), "{menu}");
    }

    #[test]
    fn systemd_boot_reads_one_file_for_each_generation() {
        let expected = "title NixOS\nversion Generation 1 2026-11-21 - it's\nlinux /vmlinuz\n\
                        initrd /initrd.img\noptions systemConfig=/nix/store/1-system \
                        init=/nix/store/1-system/init quiet\n";
        assert_eq!(loader_entry(&entry(1)), expected);
        let settings = loader_settings("a.conf", None, false);
        assert_eq!(settings, "timeout menu-force\ndefault a.conf\neditor 0\n");
        let entries = [entry(1), entry(2), entry(3)];
        let numbers: Vec<u64> = shown(&entries, 1, 2).iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [1, 3]);
    }
}
