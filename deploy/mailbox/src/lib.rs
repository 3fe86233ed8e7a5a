//! usher-mailbox
