//! usher-authorization
