//! usher-rpc
