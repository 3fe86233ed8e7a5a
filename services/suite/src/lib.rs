//! usher-suite
