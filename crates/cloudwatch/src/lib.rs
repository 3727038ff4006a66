#![doc = include_str!("../README.md")]

mod definition;
mod evaluate;
mod expression;
mod intrinsic;
mod math;
mod points;
mod rule;
mod token;

pub use definition::{Alarm, DefinitionError, MetricAlarm, Missing, Watch, Watched, read_alarms};
pub use evaluate::{Change, Verdict, evaluate, replay};
pub use expression::{Comparison, Expression, Operator};
pub use intrinsic::Names;
pub use points::{Points, Query, Recording, Statistic, Stats, Unanswered, Window};
pub use rule::{Rule, State};
pub use token::ReadError;
