//! The events of one machine.

use super::entry::events;
use super::event::chain;
use super::words::{Tone, Words, said};
use crate::port::PortError;
use leadwire_domain::source::Source;
use std::error::Error;

events! {
    /// `up` began.
    ServerStarted<'a> {
        /// Where webhooks go.
        url: &'a str,
        /// The data folder.
        data: String,
        /// The configured delay.
        delay_seconds: u32,
        /// The installation's name.
        environment: &'a str,
        /// Whether webhooks must be signed.
        signed: bool,
        /// Whether mails are sent by SMTP.
        smtp: bool,
        /// How often a canary is sent, where one is.
        canary_seconds: Option<u64>,
    } => e, "server_started" {
        line: INFO "the pipeline runs";
        fields: {
            url: e.url,
            data: e.data.as_str(),
            delay_seconds: e.delay_seconds,
            environment: e.environment,
            signed: e.signed,
            smtp: e.smtp,
            canary_seconds: e.canary_seconds,
        }
        // The screen that `up` draws at its start says it already.
        console: Words::Quiet;
    }

    /// `up` was asked to stop.
    ServerStopping {} => e, "server_stopping" {
        line: DEBUG "stopping";
    }

    /// Something about the data folder that a person should know.
    FolderWarning {
        /// What.
        warning: String,
    } => e, "folder_warning" {
        line: WARN e.warning.as_str();
    }

    /// The mail server does not let us in, or does not answer, at the start. Leads are taken all the same.
    MailServerUnusable<'a> {
        /// Why.
        error: &'a PortError,
    } => e, "mail_server_unusable" {
        line: WARN "the mail server cannot be used as it is configured; leads are taken, and wait";
        fields: { error: chain(e.error) }
    }

    /// A connection could not be taken.
    AcceptFailed<'a> {
        /// Why.
        error: &'a (dyn Error + 'static),
    } => e, "accept_failed" {
        line: WARN "a connection could not be taken";
        fields: { error: e.error.to_string() }
    }

    /// A connection ended early.
    ConnectionEnded<'a> {
        /// Why.
        error: &'a (dyn Error + 'static),
    } => e, "connection_ended" {
        line: DEBUG "a connection ended early";
        fields: { error: e.error.to_string() }
    }

    /// Requests under way did not finish when it stopped; their senders come back.
    DrainTimedOut {} => e, "drain_timed_out" {
        line: WARN "some requests did not finish in time; their senders will send again";
    }

    /// A request that a source refused lies in a file.
    RefusedSaved {
        /// The source.
        source: Source,
        /// The file.
        path: String,
    } => e, "refused_saved" {
        line: INFO "a refused request was saved; `leadwire source check` says why it was refused";
        fields: { source: e.source.as_str(), path: e.path.as_str() }
        console: said(Tone::Dim, "saved", format!("source check {} --request {}", e.source, e.path));
    }

    /// Refused requests are not saved; logged once until they are again.
    RefusedNotSaved {
        /// Where they would lie.
        folder: String,
        /// Why.
        cause: String,
    } => e, "refused_not_saved" {
        line: WARN "refused requests are not saved for now; webhooks are answered as before";
        fields: { folder: e.folder.as_str(), cause: e.cause.as_str() }
    }

    /// A page for a person could not be shown.
    PageFailed {
        /// Why.
        error: String,
    } => e, "page_failed" {
        line: WARN "a page could not be shown";
        fields: { error: e.error.as_str() }
    }

    /// A file in `raw/` or `enriched/` is missing; the event itself is stored.
    ViewNotWritten<'a> {
        /// The file.
        path: String,
        /// Why.
        error: &'a (dyn Error + 'static),
    } => e, "view_not_written" {
        line: WARN "a view could not be written; the event itself is stored";
        fields: { path: e.path.as_str(), error: e.error.to_string() }
    }

    /// What is to be shown in `raw/` and `enriched/` could not be read. It is tried again.
    ViewsNotRebuilt<'a> {
        /// Why.
        error: &'a (dyn Error + 'static),
    } => e, "views_not_rebuilt" {
        line: WARN "the views could not be brought up to date; the events themselves are stored";
        fields: { error: e.error.to_string() }
    }

    /// The canaries of yesterday could not be deleted; tried again with the next.
    CanariesNotForgotten<'a> {
        /// Why.
        error: &'a (dyn Error + 'static),
    } => e, "canaries_not_forgotten" {
        line: WARN "the canaries of yesterday could not be deleted; the next time again";
        fields: { error: chain(e.error) }
    }

    /// `up` gave what the first edition forgot its tombstones.
    TombstonesMade {
        /// How many.
        made: u64,
        /// Forgotten events that are still stored.
        unfinished: u64,
    } => e, "tombstones_made" {
        line: WARN "an earlier version left somebody half forgotten; `leadwire forget --tombstones --dry-run` names the events",
            if e.unfinished > 0, else INFO "what an earlier version forgot has its tombstones";
        fields: { made: e.made, unfinished: e.unfinished }
    }

    /// An attempt to mail could not be written to the mail log.
    MailNotLogged<'a> {
        /// The event.
        mail: &'a str,
        /// What became of the attempt.
        outcome: &'a str,
        /// Why.
        error: String,
    } => e, "mail_not_logged" {
        line: WARN "an attempt to mail could not be logged";
        fields: { mail: e.mail, outcome: e.outcome, error: e.error.as_str() }
    }

    /// A defect of the code; restart, and report it.
    WriterPanicked {} => e, "writer_panicked" {
        line: ERROR "the database's writer panicked; a defect of the code";
    }

    /// The queue could not be read; tried again in 5 s.
    QueueUnavailable<'a> {
        /// Why.
        error: &'a PortError,
    } => e, "queue_unavailable" {
        line: ERROR "the queue could not be read or written; tried again in 5 s";
        fields: { error: chain(e.error) }
    }

    /// How deep the queue is, is not known for this minute.
    QueueNotMeasured<'a> {
        /// Why.
        error: &'a PortError,
    } => e, "queue_not_looked_at" {
        line: DEBUG "how deep the queue is, is not known";
        fields: { error: chain(e.error) }
    }

    /// Messages that are done could not be deleted; they come back and are acknowledged then.
    DeleteFailed<'a> {
        /// Why.
        error: &'a PortError,
    } => e, "delete_failed" {
        line: ERROR "messages that are done could not be deleted; they come back and are acked then";
        fields: { error: chain(e.error) }
    }

    /// `telemetry.db` cannot be written; logged once until it can.
    TelemetryNotStored<'a> {
        /// Why.
        error: &'a (dyn Error + 'static),
    } => e, "telemetry_not_kept" {
        line: WARN "traces and metrics are not kept; leads are not held up by that";
        fields: { error: chain(e.error) }
    }

    /// `telemetry.db` can be written again.
    TelemetryStoredAgain {} => e, "telemetry_kept_again" {
        line: INFO "traces and metrics are kept again";
    }

    /// `telemetry.db` was damaged; it was renamed and a new one begun.
    TelemetrySetAside {
        /// The file.
        path: String,
    } => e, "telemetry_set_aside" {
        line: WARN "the file of traces and metrics was damaged; it was set aside and a new one made";
        fields: { path: e.path.as_str() }
    }
}
