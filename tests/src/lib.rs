//! usher-tests
