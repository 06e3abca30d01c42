//! Compares a prediction with a reference, and does statistics.
