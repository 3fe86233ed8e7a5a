//! SQL, one module a table: plain functions, a connection in, rows out. `None`
//! is an answer; what it means is said by the caller.

pub mod api_keys;
pub mod attempts;
pub mod audit_changes;
pub mod audit_checkpoints;
pub mod audit_heads;
pub mod audit_records;
pub mod bulk_operations;
pub mod bulk_results;
pub mod devices;
pub mod directories;
pub mod domains;
pub mod email_changes;
pub mod erasures;
pub mod login_flows;
pub mod password_mails;
pub mod passwords;
pub mod policies;
pub mod properties;
pub mod recovery_codes;
pub mod refresh_chains;
pub mod reset_tokens;
pub mod seats;
pub mod second_factors;
pub mod service_accounts;
pub mod session_proofs;
pub mod sessions;
pub mod signing_keys;
pub mod sms_codes;
pub mod sms_factors;
pub mod sms_messages;
pub mod tenants;
pub mod totp_enrolments;
pub mod totp_factors;
pub mod user_counts;
pub mod users;
