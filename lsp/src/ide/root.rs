//! Which configuration a file belongs to: whose options it defines.

pub use eval::module_bindings::is_module;
use eval::settings::Settings;
use eval::system::{FileType, System};

/// The file that NixOS looks for in a directory.
const CONFIGURATION: &[u8] = b"configuration.nix";

/// Returns the configuration that the file at `path` belongs to.
///
/// In this order: the `configuration.nix` beside it or above it, inside the folders that are open;
/// the search path's `nixos-config` if the file lies beside or below that; the file itself if it
/// is a module. `None` means the module library alone.
pub fn configuration_root(
    system: &dyn System,
    settings: &Settings,
    folders: &[Vec<u8>],
    path: &[u8],
    text: &[u8],
) -> Option<Vec<u8>> {
    let is_file = |path: &[u8]| {
        matches!(system.file_type(path), Ok(FileType::Regular { .. } | FileType::Symlink))
    };
    if path.ends_with(b"/flake.nix") || !is_module(text) {
        return None;
    }
    let mut directory = parent(path)?;
    loop {
        let candidate = [directory, b"/", CONFIGURATION].concat();
        if candidate == path || is_file(&candidate) {
            return Some(candidate);
        }
        let is_inside = folders.iter().any(|folder| is_below(directory, folder));
        match parent(directory) {
            Some(above) if is_inside => directory = above,
            _ => break,
        }
    }
    let configured = settings.search_path.iter().find(|(prefix, _)| prefix == b"nixos-config");
    if let Some((_, configured)) = configured
        && let Some(directory) = parent(configured)
        && is_below(path, directory)
        && is_file(configured)
    {
        return Some(configured.clone());
    }
    Some(path.to_vec())
}

fn parent(path: &[u8]) -> Option<&[u8]> {
    let at = path.iter().rposition(|&byte| byte == b'/')?;
    path.get(..at)
}

fn is_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use eval::system::MemorySystem;

    fn check(files: &[&str], folder: &str, path: &str, expected: Option<&str>) {
        let mut system = MemorySystem::default();
        for file in files {
            system.files.insert(file.as_bytes().to_vec(), Vec::new());
        }
        let folders = [folder.as_bytes().to_vec()];
        let text = b"{ config, ... }: { }";
        let found =
            configuration_root(&system, &Settings::default(), &folders, path.as_bytes(), text);
        assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{path} in {folder}");
    }

    #[test]
    fn the_nearest_configuration_is_the_root() {
        let files = ["/w/configuration.nix", "/w/m/a.nix", "/configuration.nix"];
        check(&files, "/w", "/w/configuration.nix", Some("/w/configuration.nix"));
        check(&files, "/w", "/w/m/a.nix", Some("/w/configuration.nix"));
        check(&files, "/w/m", "/w/m/a.nix", Some("/w/configuration.nix"));
        check(&files, "/other", "/v/b.nix", Some("/v/b.nix"));
        check(&[], "/w", "/w/a.nix", Some("/w/a.nix"));
    }

    #[test]
    fn modules_are_told_from_packages_and_libraries() {
        assert!(is_module(b"{ services.x = 1; }"));
        assert!(is_module(b"{ lib, ... }: let a = 1; in { }"));
        assert!(is_module(b"{ config, pkgs, ... }:\n{ services.ngi\n"));
        assert!(!is_module(b"{ stdenv, fetchurl }: stdenv.mkDerivation { }"));
        assert!(!is_module(b"{ stdenv, ... }: stdenv.mkDerivation { }"));
        assert!(!is_module(b"import ./x.nix"));
        assert!(!is_module(b"{ config, lib, overlays }: res: pkgs: super: with pkgs; { }"));
        assert!(!is_module(b"{ pkgs ? import <nixpkgs> { } }: pkgs.mkShell { }"));
        assert!(is_module(b"{ config, lib, ... }: with lib; mkIf config.x { a = 1; }"));
    }
}
