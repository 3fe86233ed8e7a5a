//! usher-gateway
