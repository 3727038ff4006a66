//! A worker dies at each of its calls, before the call takes effect and after, in one attempt and in two, while two receivers are told.

use super::prelude::*;
use super::several::*;

const POLICIES: [AmbiguousPolicy; 2] = [AmbiguousPolicy::Resend, AmbiguousPolicy::Park];
const SIDES: [Fault; 2] = [Fault::DiesBefore, Fault::DiesAfter];

/// What the first receiver's service answers, one answer after the other; then it takes the mail.
#[derive(Clone, Copy, Debug)]
struct Course(&'static [Fault]);

const COURSES: [Course; 6] = [
    Course(&[]),
    Course(&[Fault::Busy]),
    Course(&[Fault::Refused]),
    Course(&[Fault::ReplyLost]),
    Course(&[Fault::ReplyLost, Fault::Fails]),
    Course(&[Fault::Hangs]),
];

/// Where a worker dies: at the call of this number of its attempt.
type Death = (usize, Fault);

struct Life {
    world: World,
    policy: AmbiguousPolicy,
    course: Course,
    answered: Arc<std::sync::Mutex<usize>>,
    /// Whether a worker died, or a reply was lost, while it was sending.
    may_doubt: bool,
}

impl Life {
    async fn begun(policy: AmbiguousPolicy, course: Course) -> Self {
        Self {
            world: due_in(world_of(2, policy)).await,
            policy,
            course,
            answered: Arc::default(),
            may_doubt: false,
        }
    }

    /// The next attempt, in which the worker may die. Returns how many calls it made, and whether it died.
    async fn attempt(&mut self, death: Option<Death>) -> (usize, bool) {
        let (course, first) = (self.course, mails_to(0));
        let answered = Arc::clone(&self.answered);
        let mut calls = 0;
        self.world.home.set_script(move |call| {
            let number = calls;
            calls += 1;
            let dies = death.filter(|(at, _)| *at == number);
            let answer = if first(call) {
                let mut answered = answered.lock().unwrap();
                *answered += 1;
                course.0.get(*answered - 1).copied()
            } else {
                None
            };
            dies.map(|(_, side)| side).or(answer)
        });
        let before = self.world.home.all_calls().len();
        if let Some(next) = self.world.queue().next_visible_at() {
            let wait = next.duration_since(self.world.clock().now());
            sleep(Duration::try_from(wait).unwrap_or_default()).await;
        }
        let outcomes = self.world.work_or_die().await;
        self.world.home.clear_script();
        let calls = self.world.home.all_calls().split_off(before);
        let has_sent = calls.iter().any(|call| matches!(call, Call::Mail(..)));
        let both = ["enriched/", "mail/"].map(|prefix| !self.world.keys(prefix).is_empty());
        // Nobody can tell a worker that died before its first mail from one that died at it.
        self.may_doubt |= outcomes.is_none() && (has_sent || both == [true, true]);
        (calls.len(), outcomes.is_none())
    }

    /// The world runs to its end: what became a dead letter is redriven, and what was lost is swept.
    async fn ended(mut self, what: &str) {
        for _ in 0..4 {
            while self.world.queue().depth() > 0 {
                self.attempt(None).await;
            }
            self.world.redrive().await.unwrap();
            sleep(LONG).await;
            swept(&self.world).await;
        }
        self.check(what).await;
    }

    async fn check(&self, what: &str) {
        let world = &self.world;
        let mail = world.peek(&world.keys("mail/").remove(0)).unwrap();
        let states = if mail.bytes.is_empty() {
            assert_eq!(told(world), "ss", "{what}");
            vec!["sent".to_owned(); 2]
        } else {
            states(world, 2)
        };
        for (number, state) in states.iter().enumerate() {
            let copies = copies(world, number).len();
            let lost = self
                .course
                .0
                .iter()
                .any(|fault| *fault != Fault::Busy && *fault != Fault::Refused);
            let doubts = self.may_doubt || (number == 0 && lost);
            let copies_max = if doubts && self.policy == AmbiguousPolicy::Resend {
                2
            } else {
                1
            };
            assert!(copies <= copies_max, "{what}: {copies} of {number}");
            match state.as_str() {
                "sent" => assert!(copies >= 1, "{what}: {number}"),
                "parked" => assert!(doubts, "{what}: {number} was parked without a doubt"),
                other => panic!("{what}: {number} is {other}"),
            }
        }
        let (report, flaws) = audited(world).await;
        assert!(report.is_sound(), "{what}: {flaws:?}");
        let account = report.account;
        let is_parked = states.iter().any(|state| state == "parked");
        let (mailed, parked) = (u64::from(!is_parked), u64::from(is_parked));
        assert_eq!((account.mailed, account.parked), (mailed, parked), "{what}");
        if is_parked {
            let (reason, named) = failure(world);
            let expected: Vec<usize> = (0..2).filter(|n| states[*n] == "parked").collect();
            assert_eq!((&*reason, named), ("mail_ambiguous", expected), "{what}");
        }
    }
}

/// Every place of death in one attempt: each of its calls, before and after.
fn deaths(calls: usize) -> impl Iterator<Item = Death> {
    (0..calls).flat_map(|at| SIDES.map(|side| (at, side)))
}

/// Dies in so many attempts one after the other, at every combination of places, and lives to the end.
async fn die_everywhere(policy: AmbiguousPolicy, course: Course, attempts: usize) -> usize {
    let mut lives = 0;
    let mut open: Vec<Vec<Death>> = vec![vec![]];
    while let Some(places) = open.pop() {
        let mut life = Life::begun(policy, course).await;
        for death in &places {
            let (_, died) = life.attempt(Some(*death)).await;
            assert!(died, "{places:?}");
        }
        if places.len() < attempts && life.world.queue().depth() > 0 {
            let (calls, _) = life.attempt(None).await;
            let more = deaths(calls).map(|death| {
                let mut more = places.clone();
                more.push(death);
                more
            });
            open.extend(more);
        }
        life.ended(&format!("{policy:?} {course:?} {places:?}"))
            .await;
        lives += 1;
    }
    lives
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_dies_at_any_call_of_one_attempt_loses_nobody_and_tells_nobody_a_third_time()
{
    for policy in POLICIES {
        for course in COURSES {
            let lives = die_everywhere(policy, course, 1).await;
            assert!(lives > 2 * 7, "{lives}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn workers_that_die_in_two_attempts_lose_nobody_and_tell_nobody_a_third_time() {
    for policy in POLICIES {
        for course in [COURSES[0], COURSES[3]] {
            let lives = die_everywhere(policy, course, 2).await;
            assert!(lives > 100, "{lives}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_attempt_can_die_anywhere_too() {
    for policy in POLICIES {
        for course in [COURSES[1], COURSES[2], COURSES[4]] {
            let mut first = Life::begun(policy, course).await;
            first.attempt(None).await;
            let (calls, _) = first.attempt(None).await;
            for death in deaths(calls) {
                let mut life = Life::begun(policy, course).await;
                life.attempt(None).await;
                life.attempt(Some(death)).await;
                life.ended(&format!("{policy:?} {course:?} then {death:?}"))
                    .await;
            }
        }
    }
}
