#![doc = include_str!("../README.md")]

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
