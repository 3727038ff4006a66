//! What a request and forget do next.

use super::moment::{
    At, Event, Forgetting, Held, Moment, Move, Naming, NamingModel, Part, Request, SLOTS,
};
use crate::action::Reply;
use crate::pair::{Pair, WorkerId};

impl NamingModel {
    pub(crate) fn moves(self, moment: &Moment, moves: &mut Vec<Move>) {
        let times: &[u8] = if self.fixed { &[0] } else { &[0, 1] };
        let open = idle(moment).is_some();
        for event in Event::ALL {
            if open && moment.posts[event] > 0 {
                let post = |&time| {
                    if self.array {
                        Move::PostBoth(time)
                    } else {
                        Move::Post(event, time)
                    }
                };
                moves.extend(times.iter().map(post));
            }
        }
        for id in WorkerId::ALL {
            self.request_moves(moment, id, moves);
        }
        let stored = moment.slots.iter().any(Option::is_some);
        if moment.forgetting == Forgetting::No && moment.forgets > 0 && stored {
            moves.push(Move::Mark);
        }
        if moment.forgetting == Forgetting::Marked {
            moves.push(Move::Delete);
        }
    }

    fn request_moves(self, moment: &Moment, id: WorkerId, moves: &mut Vec<Move>) {
        let request = moment.requests[id];
        for event in Event::ALL {
            let at = request[event].at;
            if !matches!(at, At::Identity | At::Put | At::Queue) {
                continue;
            }
            moves.push(Move::Go(id, event, Reply::Answer));
            if moment.lost > 0 && at == At::Put {
                moves.push(Move::Go(id, event, Reply::Lost));
            }
            if moment.errors > 0 {
                moves.push(Move::Go(id, event, Reply::Error));
            }
        }
        if self.is_concluded(request) {
            moves.push(Move::Answer(id));
        }
        if moment.crashes > 0 && !is_idle(request) {
            moves.push(Move::Die(id));
        }
    }

    /// Whether the request can be answered: nothing of it is under way.
    fn is_concluded(self, request: Request) -> bool {
        let at_first = self.naming == Naming::AnswerAtFirst;
        let parts = request.each();
        let ended = |part: &&Part| matches!(part.at, At::Nowhere | At::Done | At::Failed);
        let done = parts.iter().any(|part| part.at == At::Done);
        !is_idle(request) && (parts.iter().all(ended) || (at_first && done))
    }

    pub(crate) fn take(self, moment: &mut Moment, action: Move) {
        match action {
            Move::Post(event, time) => {
                moment.posts[event] -= 1;
                let mut request = Request::default();
                request[event] = self.part(time);
                open(moment, request);
            }
            Move::PostBoth(time) => {
                moment.posts[Event::One] -= 1;
                open(moment, Pair::new(self.part(time), self.part(time)));
            }
            Move::Go(id, event, reply) => {
                match reply {
                    Reply::Answer => {}
                    Reply::Lost => moment.lost -= 1,
                    Reply::Error => moment.errors -= 1,
                }
                self.go(moment, (id, event), reply);
            }
            Move::Answer(id) => answer(moment, id, self.naming == Naming::AnswerAtFirst),
            Move::Die(id) => {
                moment.crashes -= 1;
                moment.requests[id] = Request::default();
            }
            Move::Mark => mark(moment),
            Move::Delete => self.delete(moment),
        }
    }

    /// An event as it comes: with an identity entry where the form does not fix its time.
    fn part(self, base: u8) -> Part {
        let skips = self.fixed || self.naming == Naming::IdentitySkipped;
        Part {
            at: if skips { At::Put } else { At::Identity },
            base,
            probe: 0,
        }
    }

    fn go(self, moment: &mut Moment, (id, event): (WorkerId, Event), reply: Reply) {
        let mut part = moment.requests[id][event];
        match part.at {
            _ if reply == Reply::Error => part.at = At::Failed,
            At::Identity => {
                let known = &mut moment.known[event];
                part.base = *known.identity.get_or_insert(part.base);
                part.at = At::Put;
            }
            At::Put => self.put(moment, event, &mut part, reply == Reply::Lost),
            At::Queue => {
                moment.known[event].queued = true;
                part.at = At::Done;
            }
            At::Nowhere | At::Done | At::Failed => {}
        }
        moment.requests[id][event] = part;
    }

    fn put(self, moment: &mut Moment, event: Event, part: &mut Part, lost: bool) {
        let held = moment.slots.get(part.slot()).copied().flatten();
        let replaces = self.naming == Naming::Overwrite;
        match held {
            Some(held) if !replaces => {
                let nameless = held.tombstone && self.naming == Naming::NamelessTombstone;
                if self.is_own(held.event, event) || nameless {
                    part.at = if held.tombstone { At::Done } else { At::Queue };
                } else {
                    try_next(part);
                }
            }
            Some(_) | None => {
                moment.replaced |= held.is_some_and(|held| held.event != event || held.tombstone);
                store(moment, part.slot(), event);
                if lost && self.naming == Naming::BlindToOwnWrite {
                    try_next(part);
                } else {
                    part.at = At::Queue;
                }
            }
        }
    }

    fn is_own(self, whose: Event, event: Event) -> bool {
        let one_id = self.naming == Naming::RequestIdForAll && self.array;
        whose == event || one_id || self.naming == Naming::NoComparison
    }

    fn delete(self, moment: &mut Moment) {
        moment.forgetting = Forgetting::Done;
        if self.naming == Naming::TombstoneGoesToo {
            for slot in &mut moment.slots {
                *slot = slot.filter(|held| !held.tombstone);
            }
        }
        if self.naming == Naming::IdentityForgotten {
            for known in moment.known.each_mut().into_iter().filter(|k| k.forgotten) {
                known.identity = None;
            }
        }
    }
}

/// 2xx where every event of the request is assured, else 503.
fn answer(moment: &mut Moment, id: WorkerId, at_first: bool) {
    let request = moment.requests[id];
    let failed = request.each().into_iter().any(|p| p.at == At::Failed);
    for event in Event::ALL {
        let part = request[event];
        if part.at != At::Nowhere && (!failed || at_first) {
            moment.known[event].accepted = Some(part.slot());
        }
    }
    moment.refused |= failed;
    moment.requests[id] = Request::default();
}

fn is_idle(request: Request) -> bool {
    request.each().into_iter().all(|p| p.at == At::Nowhere)
}

/// The first request that is idle: it takes the next webhook.
fn idle(moment: &Moment) -> Option<WorkerId> {
    let mut ids = WorkerId::ALL.into_iter();
    ids.find(|&id| is_idle(moment.requests[id]))
}

fn open(moment: &mut Moment, request: Request) {
    if let Some(id) = idle(moment) {
        moment.requests[id] = request;
    }
}

fn mark(moment: &mut Moment) {
    moment.forgets -= 1;
    moment.forgetting = Forgetting::Marked;
    for held in moment.slots.iter_mut().flatten() {
        held.tombstone = true;
        moment.known[held.event].forgotten = true;
    }
}

fn store(moment: &mut Moment, slot: usize, event: Event) {
    if let Some(held) = moment.slots.get_mut(slot) {
        *held = Some(Held {
            event,
            tombstone: false,
        });
    }
    moment.known[event].names |= 1 << slot;
}

fn try_next(part: &mut Part) {
    part.probe += 1;
    assert!(
        part.slot() < SLOTS,
        "two events never need more than four names"
    );
}
