//! usher-importer
