//! A panic is a line like any other. Its message is left out: it could quote a lead.

use std::panic::PanicHookInfo;

/// From now on a panic is logged by the subscriber, and not as text on stderr.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let location = info.location().map(ToString::to_string);
        report(location.as_deref());
    }));
}

pub(crate) fn report(location: Option<&str>) {
    tracing::error!(
        location = location.unwrap_or("unknown"),
        "the code panicked"
    );
}
