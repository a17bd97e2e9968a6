//! What of the host a confined builder sees besides its room.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::attributes::Attributes;
use super::room::{FileError, Room, accounts, devices, failed};
use super::{Realisation, hook};
use crate::error::StoreError;
use crate::path::StorePath;
use crate::realise::RealiseOptions;
use crate::sandbox::{Access, Bind, Isolation, Network};
use crate::store::Store;

/// Why a builder cannot be confined.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfineError {
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    File(#[from] FileError),
}

/// Returns the root of the builder whose input closure is `closure`.
pub(super) fn isolation(
    realisation: &Realisation<'_>,
    derivation: &StorePath,
    attributes: &Attributes<'_>,
    room: &Room,
    closure: &BTreeSet<StorePath>,
    network: Network,
) -> Result<Isolation, ConfineError> {
    let options = realisation.options;
    let store = realisation.site.store;
    let directory = store.directory();
    let derivation = directory.display(derivation);
    let chroot = room.root();
    let mut visible: BTreeMap<PathBuf, Bind> = BTreeMap::new();
    let mut show = |bind: Bind| visible.insert(bind.target.clone(), bind);
    for bind in devices(options.system_features.contains("kvm")) {
        show(bind);
    }
    let build_directory = options.sandbox_build_directory.as_str();
    let mut files = accounts(build_directory);
    files.push(network_file(network));
    if network == Network::Host {
        for path in ["/etc/resolv.conf", "/etc/services", "/etc/hosts", CERTIFICATES] {
            show(host_path(path, Access::ReadOnly, true));
        }
    }
    let mut objects = closure.clone();
    let hooked = match &options.pre_build_hook {
        Some(hook) => {
            hook::run_pre_build(hook, &derivation, &chroot).map_err(ConfineError::Refused)?
        }
        None => Vec::new(),
    };
    for shown in sandbox_paths(options.sandbox_paths.iter().chain(&hooked)) {
        // A shell from the store needs its own closure.
        if let Ok((path, _)) = directory.split(&shown.source.to_string_lossy())
            && store.is_valid(&path)?
        {
            objects.extend(realisation.closure([path])?);
        }
        show(Bind { source: real(store, &shown.source), ..shown });
    }
    for path in impure_paths(options, attributes)? {
        show(host_path(&path, Access::ReadOnly, true));
    }
    let mut links = Vec::new();
    for path in &objects {
        let source = store.real_path(path);
        let target = directory.join(path);
        let metadata = std::fs::symlink_metadata(&source).map_err(failed("look at", &source))?;
        if metadata.is_symlink() {
            let to = std::fs::read_link(&source).map_err(failed("read the link", &source))?;
            links.push((target, to));
        } else {
            show(Bind { source, target, access: Access::ReadOnly, optional: false });
        }
    }
    let mut binds = room.binds(directory.as_str(), build_directory);
    binds.extend(visible.into_values());
    Ok(Isolation {
        root: room.root(),
        binds,
        links,
        files,
        network,
        shm_size: options.sandbox_shm_size.clone(),
    })
}

/// Returns the file that says how names are looked up.
fn network_file(network: Network) -> (PathBuf, Vec<u8>) {
    match network {
        Network::Private => ("/etc/hosts".into(), b"127.0.0.1 localhost\n::1 localhost\n".to_vec()),
        Network::Host => {
            ("/etc/nsswitch.conf".into(), b"hosts: files dns\nservices: files\n".to_vec())
        }
    }
}

/// The file of certificate authorities, where most programs look for it.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

fn host_path(path: &str, access: Access, optional: bool) -> Bind {
    Bind { source: path.into(), target: path.into(), access, optional }
}

/// Returns where a path that may be in the store really is.
fn real(store: &dyn Store, path: &Path) -> PathBuf {
    match store.directory().split(&path.to_string_lossy()) {
        Ok((object, rest)) => {
            let mut real = store.real_path(&object).into_os_string();
            real.push(rest);
            real.into()
        }
        Err(_) => path.to_path_buf(),
    }
}

/// Parses the setting `sandbox-paths`: `TARGET`, `TARGET=SOURCE`, either with `?` at the end.
fn sandbox_paths<'t>(texts: impl Iterator<Item = &'t String>) -> Vec<Bind> {
    let parse = |text: &String| {
        let (text, optional) = match text.strip_suffix('?') {
            Some(text) => (text, true),
            None => (text.as_str(), false),
        };
        let (target, source) = text.split_once('=').unwrap_or((text, text));
        // Its own permissions are what protects it: caches are meant to be written.
        Bind { source: source.into(), target: target.into(), access: Access::Writable, optional }
    };
    texts.filter(|text| !text.is_empty()).map(parse).collect()
}

/// Returns the paths of the host that the derivation declares, if they may be declared.
fn impure_paths(
    options: &RealiseOptions,
    attributes: &Attributes<'_>,
) -> Result<Vec<String>, ConfineError> {
    let declared = attributes.texts("__impureHostDeps").map_err(ConfineError::Refused)?;
    let declared = declared.unwrap_or_default();
    for path in &declared {
        let is_plain = Path::new(path).is_absolute()
            && !Path::new(path).components().any(|it| it == std::path::Component::ParentDir);
        let is_allowed = is_plain
            && options.allowed_impure_host_paths.iter().any(|it| Path::new(path).starts_with(it));
        if !is_allowed {
            return Err(ConfineError::Refused(format!(
                "derivation requested impure path '{path}', but it was not in \
                 allowed-impure-host-deps"
            )));
        }
    }
    Ok(declared)
}
