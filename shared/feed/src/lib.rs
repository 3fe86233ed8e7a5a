//! usher-feed
