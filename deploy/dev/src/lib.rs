//! usher-dev
