//! Builds and trains networks with Burn.
