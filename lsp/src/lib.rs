//! How an editor asks: `ide` answers, `server` listens.
