//! Reads medical images, data-set layouts and applies transforms: plain arrays, no learning.
