//! What is waiting, as SQS would count it.

use super::{Day, NOW};

const DELAY_QUEUE: &str = "DelayQueue.QueueName";
const DEAD_LETTERS: &str = "DeadLetterQueue.QueueName";

/// When messages lay in the queue.
#[derive(Default)]
pub(super) struct Messages {
    /// From when to when each was delayed.
    pub(super) delayed: Vec<(i64, i64)>,
    /// From when to when each was being worked on, or hidden after a failure.
    pub(super) hidden: Vec<(i64, i64)>,
    /// Since when each is a dead letter.
    pub(super) dead: Vec<i64>,
}

impl Messages {
    /// Tells what SQS tells, minute by minute.
    pub(super) fn tell(&self, day: &mut Day) {
        for second in (0..NOW).step_by(60) {
            let within = |list: &[(i64, i64)]| {
                let there = list
                    .iter()
                    .filter(|(from, to)| (*from..*to).contains(&second));
                there.map(|(from, _)| *from).collect::<Vec<_>>()
            };
            let (delayed, hidden) = (within(&self.delayed), within(&self.hidden));
            let dead = self.dead.iter().filter(|from| **from <= second).count();
            let oldest = delayed.iter().chain(&hidden).min();
            let age = oldest.map_or(0, |from| second - from);
            let started = |list: &[(i64, i64)]| {
                let soon = list
                    .iter()
                    .filter(|(_, to)| (second..second + 2).contains(to));
                soon.count()
            };
            let mut tell = |metric: &str, queue: &str, value: f64| {
                day.tell_aws(second, ("AWS/SQS", metric), ("QueueName", queue), value);
            };
            tell(
                "ApproximateNumberOfMessagesDelayed",
                DELAY_QUEUE,
                count(delayed.len()),
            );
            tell(
                "ApproximateNumberOfMessagesVisible",
                DELAY_QUEUE,
                count(started(&self.delayed)),
            );
            tell(
                "ApproximateNumberOfMessagesNotVisible",
                DELAY_QUEUE,
                count(hidden.len()),
            );
            tell(
                "ApproximateNumberOfMessagesVisible",
                DEAD_LETTERS,
                count(dead),
            );
            tell("ApproximateAgeOfOldestMessage", DELAY_QUEUE, seconds(age));
            let soon = self.hidden.iter();
            let soon = soon.filter(|(from, _)| (second..second + 60).contains(from));
            let batches = soon.count().div_ceil(5);
            day.tell_function(
                second,
                "ConcurrentExecutions",
                "EnrichmentFunction",
                count(batches),
            );
        }
    }
}

fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn seconds(seconds: i64) -> f64 {
    f64::from(i32::try_from(seconds).unwrap_or(i32::MAX))
}
