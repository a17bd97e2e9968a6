//! What it builds: store objects, derivations, and the sandbox that makes them.
//!
//! In reading order: the formats, which are pure; the seam, [`Store`], and what passes through it;
//! the stores behind it.

pub mod base32;
pub mod base64;
pub mod hash;

pub mod content_address;
pub mod path;

pub mod nar;

pub mod derivation;

pub mod closure;
pub mod narinfo;
pub mod path_info;
pub mod reference;
pub mod self_reference;

pub mod error;
pub mod event;
pub mod realise;
pub mod store;
pub mod tree_hash;

pub mod local;
pub mod memory;

pub mod build;
pub mod fetch;
pub mod profile;
pub mod signature;
pub mod source;
pub mod substitute;

pub mod sandbox;
pub mod worker;

pub use crate::content_address::{ContentAddress, ContentMethod, FileMethod};
pub use crate::derivation::{Derivation, Output};
pub use crate::error::{AddError, BuildError, FetchError, GcError, ProfileError, StoreError};
pub use crate::event::{Event, Events};
pub use crate::fetch::{FetchKind, FetchOptions, FetchRequest};
pub use crate::hash::{Hash, HashAlgorithm, HashFormat};
pub use crate::local::{LocalSettings, LocalStore};
pub use crate::memory::MemoryStore;
pub use crate::path::{StoreDirectory, StorePath};
pub use crate::path_info::PathInfo;
pub use crate::realise::{DerivedPath, OutputNames, RealiseOptions, Realised};
pub use crate::store::{GcAction, GcOptions, GcResult, NewText, NewTree, Store};
pub use crate::substitute::{Caches, ClosureRequest};
