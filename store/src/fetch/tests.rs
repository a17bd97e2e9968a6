//! Fetching from this machine, as nobody in particular.
