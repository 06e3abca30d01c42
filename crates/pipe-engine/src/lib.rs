//! Decides what runs, when, where and why.
