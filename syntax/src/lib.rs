//! What you wrote: lossless trees from any text.
