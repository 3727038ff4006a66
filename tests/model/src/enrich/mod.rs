//! Enrich: receive, write, send, settle, end. One file a part.

mod end;
mod receive;
mod send;
mod settle;
mod write;

pub(crate) use receive::is_visible;
pub(crate) use write::write_mail;
