//! usher-identity
