//! The two ends of a handler.

use contract::Request;
use contract::errors::ErrorReason;
use tonic::{Extensions, Response, Status, Streaming};

use crate::{Because, Caller, Error};

/// What a handler gives back to tonic.
pub type Reply<T> = Result<Response<T>, Status>;

/// What the access layer found out for a method with [`contract::Rule::Own`];
/// [`open`], which alone sees the message, enforces it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    /// The request field that names a user.
    pub field: &'static str,
    /// What lets the caller name another user.
    pub permission: &'static str,
    /// Whether the caller holds that permission.
    pub granted: bool,
}

/// The caller and the message of a request: the only way to it. Refuses with
/// `PERMISSION_DENIED` a caller who names another user without the permission
/// for it.
pub fn open<M: Request>(request: tonic::Request<M>) -> Result<(Caller, M), Error> {
    let (_, mut extensions, message) = request.into_parts();
    let caller = caller(&mut extensions)?;
    if let Some(own) = extensions.get::<Own>().filter(|own| !own.granted) {
        let subject = message
            .subject(own.field)
            .ok_or_else(|| Error::fault("no such field for an own rule"))?;
        if !is_caller(&caller, subject) {
            return Err(denied(own.permission));
        }
    }
    Ok((caller, message))
}

/// The same for a stream of messages. A stream names no user by itself: an own
/// rule on it would be refused.
pub fn open_stream<M: Request>(
    request: tonic::Request<Streaming<M>>,
) -> Result<(Caller, Streaming<M>), Error> {
    let (_, mut extensions, messages) = request.into_parts();
    let caller = caller(&mut extensions)?;
    match extensions.get::<Own>() {
        Some(own) if !own.granted => Err(denied(own.permission)),
        _ => Ok((caller, messages)),
    }
}

/// The last line of a handler: errors become statuses here and nowhere else.
pub fn reply<T>(result: Result<T, Error>) -> Reply<T> {
    Ok(Response::new(result?))
}

/// Whether a request names the caller: by id, or by naming nobody.
pub(crate) fn is_caller(caller: &Caller, subject: &str) -> bool {
    let own = || Some(caller.user?.uuid() == uuid::Uuid::try_parse(subject).ok()?);
    if subject.is_empty() {
        caller.user.is_some()
    } else {
        own() == Some(true)
    }
}

/// The refusal for want of a permission.
pub(crate) fn denied(permission: &'static str) -> Error {
    ErrorReason::PermissionDenied
        .because(format!("this needs the permission {permission}"))
        .with("permission", permission)
}

fn caller(extensions: &mut Extensions) -> Result<Caller, Error> {
    extensions
        .remove::<Caller>()
        .ok_or_else(|| Error::fault("no access layer before this service"))
}
