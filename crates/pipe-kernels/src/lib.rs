//! Hand-tuned CPU kernels for Burn's CPU backend.
