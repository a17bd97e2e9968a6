//! The one end-to-end test: the workspace's own rules, and the binary run as a person would.

#![allow(clippy::print_stderr, reason = "tests say what they could not run")]

#[path = "workspace/compiled_files.rs"]
mod compiled_files;
#[path = "workspace/console.rs"]
mod console;
#[path = "workspace/editors.rs"]
mod editors;
#[path = "workspace/flake_oracle.rs"]
mod flake_oracle;
#[path = "workspace/generate.rs"]
mod generate;
#[path = "workspace/layering.rs"]
mod layering;
#[path = "workspace/lsp.rs"]
mod lsp;
#[path = "workspace/oracle.rs"]
mod oracle;
#[path = "workspace/repl.rs"]
mod repl;
#[path = "workspace/sources.rs"]
mod sources;
#[path = "workspace/store_oracle.rs"]
mod store_oracle;
#[path = "workspace/tidy.rs"]
mod tidy;
