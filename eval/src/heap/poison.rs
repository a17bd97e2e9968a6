//! What `AddressSanitizer` is told of the arena: which bytes nobody may touch.
//!
//! To the sanitizer an arena is one allocation, so that it sees no mistake in it. In builds with
//! `--cfg nivis_asan` (CONTRIBUTING.md has the command) the arena says itself what has not been
//! handed out, or has been given back. In others this is nothing at all.

#[cfg(nivis_asan)]
unsafe extern "C" {
    fn __asan_poison_memory_region(start: *const u8, size: usize);
    fn __asan_unpoison_memory_region(start: *const u8, size: usize);
}

/// Says that nobody may touch these bytes of an arena; the start lies on a boundary of 8.
#[inline(always)]
pub(super) fn forbid(start: *const u8, size: usize) {
    // SAFETY: the sanitizer takes any range of addresses, and only notes it.
    #[cfg(nivis_asan)]
    unsafe {
        __asan_poison_memory_region(start, size);
    }
    let _ = (start, size);
}

/// Says that these bytes of an arena have an owner.
#[inline(always)]
pub(super) fn allow(start: *const u8, size: usize) {
    // SAFETY: as in `forbid`.
    #[cfg(nivis_asan)]
    unsafe {
        __asan_unpoison_memory_region(start, size);
    }
    let _ = (start, size);
}
