//! How a person asks: the one binary `nivis`, under all its names.

fn main() {}
