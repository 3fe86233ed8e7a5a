//! usher-boot
