//! The language server: the protocol's messages in, answers of `ide` out.
//!
//! ```text
//! stdin ─► transport ─► backend ─(event, before any await)─► session: edits in order, one thread
//!                                                              │ snapshot          ▲ result
//! stdout ◄─ transport ◄─ answers, diagnostics ◄─ worker: ide ◄─┤                   │
//!                                                              └─► evaluation: option trees
//! ```
//!
//! The session owns all state. Edits reach it in the order in which they were sent, because the
//! backend forwards a message before it first waits. What was asked about an older text is
//! answered with `ContentModified`, or asked again about the new one.

mod answers;
mod backend;
mod cache;
mod configuration;
mod documents;
mod evaluation;
mod event;
mod front;
mod hints;
mod indexes;
mod inspection;
mod kept;
mod navigation;
mod overlay;
mod position;
mod pull;
mod roles;
mod session;
mod to_proto;
mod transport;
mod trust;
mod values;
mod worker;
mod written;

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use eval::settings::Settings;
use eval::system::System;
use store::Store;
use tower_lsp::{LspService, Server};

use backend::Backend;
pub use cache::Cache;
use event::Event;
use front::{Desk, Front};
use kept::Kept;
use session::Session;
use transport::Transport;

/// Makes the store that one evaluation computes paths in; the error is a sentence for a person.
pub type OpenStore = dyn Fn() -> Result<Box<dyn Store>, String> + Send + Sync;

/// Makes a file of the embedded library readable for the editor, and says where it then lies.
pub type ShowEmbedded = dyn Fn(&[u8]) -> Option<PathBuf> + Send + Sync;

/// Everything outside that the server works with. It performs no other input or output.
pub struct Host {
    /// The host's files and variables. The editor's unsaved files are laid over it.
    pub system: Arc<dyn System>,
    /// Makes a store for an evaluation, which only computes paths: one in memory is right.
    pub open_store: Box<OpenStore>,
    /// How to evaluate: the search path, whether `<nixpkgs>` falls back to the embedded library.
    pub settings: Settings,
    /// Where option trees are kept between sessions; nowhere if `None`.
    pub cache: Option<Arc<dyn Cache>>,
    /// Shows a file of the embedded library, by its absolute path under that root.
    pub show_embedded: Box<ShowEmbedded>,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client asked for the shutdown first: exit code 0.
    AfterShutdown,
    /// It said `exit`, or went away, without: exit code 1.
    WithoutShutdown,
}

/// Serves one client over stdin and stdout until it leaves; blocks.
///
/// # Errors
///
/// When threads cannot be started or stdout cannot be written.
pub fn run(host: Host) -> io::Result<Ending> {
    // As a plain file: the standard one would look for lines, and write each message in two parts.
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    serve(host, io::stdin(), output)
}

/// Serves one client over any pair of streams until it leaves; blocks.
///
/// # Errors
///
/// When threads cannot be started or `output` cannot be written.
pub fn serve(
    host: Host,
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
) -> io::Result<Ending> {
    let transport = Transport::start(input, output)?;
    let (events, inbox) = mpsc::channel::<Event>();
    let (outgoing, notices) = tokio::sync::mpsc::unbounded_channel();
    let kept = Arc::new(Kept::default());
    let session = Session::new(host, events.clone(), outgoing, Arc::clone(&kept))?;
    let owner = std::thread::Builder::new()
        .name("session".to_owned())
        .spawn(move || session.serve(&inbox))?;

    let has_shut_down = Arc::new(AtomicBool::new(false));
    let is_serving = Arc::new(AtomicBool::new(false));
    let desk = Desk::new(events.clone(), transport.frames.clone(), Arc::clone(&is_serving));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let (service, socket) = LspService::new(|client| {
            tokio::spawn(backend::send_notices(client, events.clone(), notices));
            Backend::new(events.clone(), Arc::clone(&has_shut_down), is_serving, kept)
        });
        Server::new(transport.input, transport.output, socket)
            .concurrency_level(REQUESTS_MAX)
            .serve(Front::new(service, desk))
            .await;
    });
    drop(events.send(Event::Stop));
    drop(owner.join());
    transport.writer.finish()?;
    let is_clean = has_shut_down.load(Ordering::SeqCst);
    Ok(if is_clean { Ending::AfterShutdown } else { Ending::WithoutShutdown })
}

/// How many requests may be open at once. Waiting ones cost nothing; a low limit would keep
/// edits from being read while completions wait for options.
const REQUESTS_MAX: usize = 4096;
