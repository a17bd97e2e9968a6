//! What a system takes from its host, and what nobody has.
//!
//! The embedded package set does not build everything. A package that stands for programs of the
//! host says so in a file `nivis-host-programs/PACKAGE` with lines `PROGRAM PATH`; a name with
//! nothing behind it has a file `nivis-missing-packages/PACKAGE`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// The programs and packages that are not built.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct HostPrograms {
    /// Programs of the host by package: the name and where the host has it.
    pub(crate) programs: BTreeMap<String, Vec<(String, PathBuf)>>,
    /// Packages that are not built and that the host is not asked for.
    pub(crate) missing_packages: Vec<String>,
    /// Programs by package without which the system does not work.
    required: BTreeSet<(String, PathBuf)>,
}

impl HostPrograms {
    /// Reads what the objects at `places` declare.
    ///
    /// # Errors
    ///
    /// When a declaration cannot be read.
    pub(crate) fn read(places: impl IntoIterator<Item = PathBuf>) -> io::Result<Self> {
        let mut found = Self::default();
        for place in places {
            for (package, text) in declarations(&place.join("nivis-host-programs"))? {
                let line = |line: &str| {
                    let (program, path) = line.split_once(' ')?;
                    Some((program.to_owned(), PathBuf::from(path)))
                };
                found.programs.insert(package, text.lines().filter_map(line).collect());
            }
            let missing = declarations(&place.join("nivis-missing-packages"))?;
            found.add_missing(missing.into_iter().map(|(package, _)| package).collect());
        }
        Ok(found)
    }

    /// Adds a program that a package must have from the host.
    pub(crate) fn require(&mut self, package: &str, program: &str, path: PathBuf) {
        let programs = self.programs.entry(package.to_owned()).or_default();
        if programs.iter().all(|(name, _)| name != program) {
            programs.push((program.to_owned(), path.clone()));
        }
        self.required.insert((package.to_owned(), path));
    }

    /// Adds packages that are not built.
    pub(crate) fn add_missing(&mut self, packages: Vec<String>) {
        self.missing_packages.extend(packages);
        self.missing_packages.sort();
        self.missing_packages.dedup();
    }

    /// Returns a text for each package: its name, and where its main program is.
    pub(crate) fn listed(&self) -> Vec<String> {
        let line = |(package, programs): (&String, &Vec<(String, PathBuf)>)| {
            let place = programs.first().map(|(_, path)| path.display().to_string());
            format!("{package} ({})", place.unwrap_or_default())
        };
        self.programs.iter().map(line).collect()
    }

    /// Returns the packages with a program that the host does not have.
    ///
    /// A package is there if its main program, the first one, is, and those that are required.
    pub(crate) fn absent(&self, exists: impl Fn(&Path) -> bool) -> Vec<(String, PathBuf)> {
        let mut wanted = self.required.clone();
        for (package, programs) in &self.programs {
            wanted.extend(programs.first().map(|(_, path)| (package.clone(), path.clone())));
        }
        wanted.retain(|(_, path)| !exists(path));
        wanted.into_iter().collect()
    }
}

/// Reads the files of a directory; none when it is not there.
fn declarations(directory: &Path) -> io::Result<Vec<(String, String)>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if is_absence(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // In a tree that joins packages the file is a link into the store, which its own object
        // in the closure tells as well.
        if entry.file_type()?.is_file() {
            found.push((name, std::fs::read_to_string(entry.path())?));
        }
    }
    found.sort();
    Ok(found)
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::HostPrograms;
    use std::path::Path;

    #[test]
    fn packages_say_what_they_take() {
        let store = tempfile::tempdir().expect("a temporary directory");
        let write = |path: &str, text: &str| {
            let path = store.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            std::fs::write(path, text).expect("a file");
        };
        write("a-nginx/nivis-host-programs/nginx", "nginx /usr/sbin/nginx\n");
        write("b-git/nivis-host-programs/git", "git /usr/bin/git\ngitk /usr/bin/gitk\n");
        write("c-vim/nivis-missing-packages/vim", "");
        write("d-text", "a file");
        let places = ["a-nginx", "b-git", "c-vim", "d-text"].map(|name| store.path().join(name));
        let mut found = HostPrograms::read(places).expect("readable");
        assert_eq!(found.missing_packages, ["vim"]);
        found.require("git", "gitk", "/usr/bin/gitk".into());
        found.require("ssh", "sshd", "/usr/sbin/sshd".into());
        let expected =
            [("git", "/usr/bin/gitk"), ("nginx", "/usr/sbin/nginx"), ("ssh", "/usr/sbin/sshd")]
                .map(|(package, path)| (package.to_owned(), path.into()));
        assert_eq!(found.absent(|path| path == Path::new("/usr/bin/git")), expected);
        let lines = ["git (/usr/bin/git)", "nginx (/usr/sbin/nginx)", "ssh (/usr/sbin/sshd)"];
        assert_eq!(found.listed(), lines);
    }
}
