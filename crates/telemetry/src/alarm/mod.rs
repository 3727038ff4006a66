//! `CloudWatch`'s alarms, evaluated by ourselves: the state of an alarm at an instant, from its `CloudFormation` resource and the points of
//! its metrics.
//!
//! No emulator evaluates metric math, percentiles or composite alarms, and a machine without `CloudWatch` has nobody else to do it. So this
//! is a reading of AWS's documentation, held to the tables in it; where that is silent, the comments say what is assumed. Nothing here
//! knows what any metric means.

mod definition;
mod evaluate;
mod expression;
mod intrinsic;
mod math;
mod points;
mod rule;
mod token;

pub use definition::{
    Alarm, Comparison, DefinitionError, MetricAlarm, Missing, Mistake, Watch, Watched, read_alarm,
    read_alarms,
};
pub use evaluate::{Change, Verdict, evaluate, replay};
pub use expression::{Expression, ExpressionError, Operator};
pub use intrinsic::{IntrinsicError, Names, Resolve, resolve_number, resolve_text};
pub use math::{MathError, Series, series};
pub use points::{Points, Query, Recording, Statistic, Stats, Unanswered, Window};
pub use rule::{Rule, RuleError, State};
