//! What it means: lowering, resolution, values, evaluation.
