//! The form of an entry.

/// Declares the events of a module, one entry each:
///
/// ```text
/// /// What happened.
/// LeadMailed<'a> [subject: Subject<'a>] { /// Its further fields. attempt: u32, … } => e, "lead_mailed" {
///     line: INFO "lead mailed";                or: ERROR "…", if e.is_final, else WARN "…";
///     fields: { attempt: e.attempt }           the line's further fields
///     metrics(m): { m.count(…); }              what it counts and measures; as metered(m), where its subject counts
///     console: said(Tone::Good, "mailed", …);  what a person reads
///     then: { … }                              what follows it
/// }
/// ```
///
/// All but the line may be left out. The subject is whom it is about, the ids on the line; where no field has it, `subject: …;` makes it.
/// Each gets a method `emit`, and its facts stand in the module's `EVENTS`.
macro_rules! events {
    ($(
        $(#[doc = $about:literal])+
        $event:ident $(<$life:lifetime>)? $([$whom:ident: $whom_kind:ty])? {
            $($(#[doc = $help:literal])+ $field:ident: $kind:ty),* $(,)?
        } => $e:ident, $name:literal {
            $(subject: $subject:expr;)?
            line: $level:ident $message:expr $(, if $when:expr, else $other_level:ident $other:expr)?;
            $(fields: { $($key:ident: $value:expr),* $(,)? })?
            $(metrics($m:ident): $metrics:block)?
            $(metered($mm:ident): $metered:block)?
            $(console: $words:expr;)?
            $(then: $then:block)?
        }
    )+) => {
        /// What this module can emit.
        pub(super) const EVENTS: &[$crate::observe::EventFacts] = &[$($event::FACTS),+];

        $(
            $(#[doc = $about])+
            #[derive(Debug)]
            pub struct $event $(<$life>)? {
                $(
                    /// Whom and what it is about.
                    pub $whom: $whom_kind,
                )?
                $($(#[doc = $help])+ pub $field: $kind,)*
            }

            impl $(<$life>)? $event $(<$life>)? {
                /// Its entry in the catalogue.
                pub const FACTS: $crate::observe::EventFacts = $crate::observe::EventFacts {
                    name: $name,
                    target: module_path!(),
                    levels: &[tracing::Level::$level $(, tracing::Level::$other_level)?],
                    fields: &[$($(stringify!($key)),*)?],
                    about: concat!($($about),+),
                };

                /// Logs it and counts it.
                pub fn emit(self) {
                    $crate::observe::sink::emit(&self);
                    $({
                        let $e = self;
                        $then
                    })?
                }
            }

            impl $(<$life>)? $crate::observe::Event for $event $(<$life>)? {
                fn facts(&self) -> &'static $crate::observe::EventFacts {
                    &Self::FACTS
                }

                fn line(&self) -> (tracing::Level, std::borrow::Cow<'_, str>) {
                    let $e = self;
                    _ = $e;
                    $(if !$when {
                        return (tracing::Level::$other_level, $other.into());
                    })?
                    (tracing::Level::$level, $message.into())
                }

                $(
                    fn subject(&self) -> $crate::observe::Subject<'_> {
                        self.$whom
                    }
                )?

                $(
                    fn subject(&self) -> $crate::observe::Subject<'_> {
                        let $e = self;
                        $subject
                    }
                )?

                $(
                    fn fields(&self, put: &mut dyn FnMut(&'static str, $crate::observe::FieldValue<'_>)) {
                        let $e = self;
                        $(put(stringify!($key), $value.into());)*
                    }
                )?

                $(
                    fn measure(&self, $m: &mut $crate::observe::metric::Metrics) {
                        let $e = self;
                        _ = $e;
                        $metrics
                    }
                )?

                $(
                    fn measure(&self, $mm: &mut $crate::observe::metric::Metrics) {
                        let $e = self;
                        if $e.subject.is_metered() $metered
                    }
                )?

                $(
                    fn words(&self) -> $crate::observe::words::Words {
                        let $e = self;
                        _ = $e;
                        $words
                    }
                )?
            }
        )+
    };
}

pub(super) use events;
