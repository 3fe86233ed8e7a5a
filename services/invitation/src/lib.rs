//! usher-invitation
