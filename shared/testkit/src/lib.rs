//! usher-testkit
