//! Listening for the temporary roots that other processes add while a collection runs.
//!
//! Each line is a path; the answer `1` says that the path will stay, or, if it was being deleted,
//! that it is gone now and may be made again.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::error::StoreError;
use crate::local::temporary_root::{GC_SOCKET, at_any_length};
use crate::local::{create_directory, file_error};
use crate::path::{StoreDirectory, StorePath};

/// The socket and the threads behind it; stops when it is dropped.
pub(super) struct Listener {
    shared: Arc<Shared>,
    socket: PathBuf,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    directory: StoreDirectory,
    state: Mutex<State>,
    batch_ended: Condvar,
}

#[derive(Default)]
struct State {
    /// Paths asked for that the collection has not taken note of.
    new: Vec<StorePath>,
    /// The hash parts of what is being deleted.
    deleting: BTreeSet<String>,
    stopped: bool,
    connections: Vec<UnixStream>,
}

/// Keeps other processes waiting until the next batch is known.
pub(super) struct Paused<'l> {
    state: MutexGuard<'l, State>,
}

impl Paused<'_> {
    /// Returns the paths asked for since this was last called.
    pub(super) fn take_new(&mut self) -> Vec<StorePath> {
        std::mem::take(&mut self.state.new)
    }

    /// Says what is being deleted from now on, and lets other processes go on.
    pub(super) fn begin(mut self, batch: &[StorePath]) {
        self.state.deleting = batch.iter().map(|path| path.hash_part().to_owned()).collect();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one process until it goes away.
    fn serve(&self, stream: UnixStream) {
        let Ok(mut answers) = stream.try_clone() else { return };
        let mut lines = BufReader::new(stream).lines();
        while let Some(Ok(line)) = lines.next() {
            if let Ok(path) = self.directory.parse(&line) {
                let mut state = self.state();
                while state.deleting.contains(path.hash_part()) {
                    state = self.batch_ended.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                state.new.push(path);
            }
            if answers.write_all(b"1").is_err() {
                return;
            }
        }
    }
}

impl Listener {
    pub(super) fn start(
        state_directory: &Path,
        directory: StoreDirectory,
    ) -> Result<Listener, StoreError> {
        let socket = state_directory.join(GC_SOCKET);
        if let Some(parent) = socket.parent() {
            create_directory(parent)?;
        }
        // Left over by a collection that was killed: we hold the lock, so nobody listens there.
        let _ = fs::remove_file(&socket);
        let listener = at_any_length(&socket, |path| UnixListener::bind(path))
            .map_err(file_error("listen on", &socket))?;
        let shared =
            Arc::new(Shared { directory, state: Mutex::default(), batch_ended: Condvar::new() });
        let accepting = Arc::clone(&shared);
        let acceptor = thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let mut state = accepting.state();
                if state.stopped {
                    return;
                }
                if let Ok(clone) = stream.try_clone() {
                    state.connections.push(clone);
                }
                drop(state);
                let serving = Arc::clone(&accepting);
                thread::spawn(move || serving.serve(stream));
            }
        });
        Ok(Listener { shared, socket, acceptor: Some(acceptor) })
    }

    /// Keeps other processes waiting until the returned value is dropped.
    pub(super) fn pause(&self) -> Paused<'_> {
        Paused { state: self.shared.state() }
    }

    /// Says that nothing is being deleted any more.
    pub(super) fn end_batch(&self) {
        self.shared.state().deleting.clear();
        self.shared.batch_ended.notify_all();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.stopped = true;
        // Whoever still waits for an answer sees the end, and finds the lock free.
        for connection in state.connections.drain(..) {
            let _ = connection.shutdown(std::net::Shutdown::Both);
        }
        drop(state);
        // Accepting ends with the next connection, which is this one.
        let _ = at_any_length(&self.socket, |path| UnixStream::connect(path));
        let _ = fs::remove_file(&self.socket);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}
