//! usher-usherctl
