//! usher-contract
