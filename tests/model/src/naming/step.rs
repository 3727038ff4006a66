//! What a request and forget do next.

use super::{At, Event, Forgetting, Held, Moment, Move, Naming, NamingModel, Request, SLOTS};
use crate::pair::WorkerId;

impl NamingModel {
    pub(crate) fn moves(self, moment: &Moment, moves: &mut Vec<Move>) {
        let idle = idle(moment);
        for event in Event::ALL {
            if idle.is_some() && moment.known[event].posts > 0 {
                let times: &[u8] = if self.timed { &[0] } else { &[0, 1] };
                moves.extend(times.iter().map(|&time| Move::Post(event, time)));
            }
        }
        for id in WorkerId::ALL {
            let at = moment.requests[id].at;
            if at == At::Idle {
                continue;
            }
            moves.push(Move::Go(id));
            if moment.lost > 0 && at == At::Put {
                moves.push(Move::GoLost(id));
            }
            if moment.crashes > 0 {
                moves.push(Move::Die(id));
            }
        }
        let stored = moment.slots.iter().any(|held| held.raw.is_some());
        if moment.forgetting == Forgetting::No && moment.forgets > 0 && stored {
            moves.push(Move::Mark);
        }
        let waits = moment.requests.each().into_iter().any(|r| r.old);
        if moment.forgetting == Forgetting::Waiting
            && (!waits || self.naming == Naming::ForgetWithoutWait)
        {
            moves.push(Move::Delete);
        }
    }

    pub(crate) fn take(self, moment: &mut Moment, action: Move) {
        match action {
            Move::Post(event, base) => {
                moment.known[event].posts -= 1;
                let at = if self.timed { At::Look } else { At::Dedupe };
                let request = Request {
                    at,
                    event,
                    base,
                    ..Request::default()
                };
                if let Some(id) = idle(moment) {
                    moment.requests[id] = request;
                }
            }
            Move::Go(id) => self.go(moment, id, false),
            Move::GoLost(id) => {
                moment.lost -= 1;
                self.go(moment, id, true);
            }
            Move::Die(id) => {
                moment.crashes -= 1;
                moment.requests[id] = Request::default();
            }
            Move::Mark => mark(moment),
            Move::Delete => self.delete(moment),
        }
    }

    fn go(self, moment: &mut Moment, id: WorkerId, lost: bool) {
        let mut request = moment.requests[id];
        let event = request.event;
        let held = moment
            .slots
            .get(request.slot())
            .copied()
            .unwrap_or_default();
        match request.at {
            At::Idle => {}
            At::Dedupe => {
                let known = &mut moment.known[event];
                request.base = *known.dedupe.get_or_insert(request.base);
                request.at = At::Look;
            }
            At::Look => match held.forgotten {
                Some(_) if self.naming == Naming::BlindToMarker => request.at = At::Put,
                None => request.at = At::Put,
                Some(whose) if whose == event || self.naming == Naming::NamelessMarker => {
                    request.at = At::Accept;
                }
                Some(_) => try_next(&mut request),
            },
            At::Put => self.put(moment, &mut request, (held, lost)),
            At::ReadBack => match held.raw {
                Some(whose) if whose == event || self.naming == Naming::NoComparison => {
                    request.at = At::Accept;
                }
                Some(_) => try_next(&mut request),
                None => request.at = At::Look,
            },
            At::Accept => {
                moment.known[event].accepted = Some(request.slot());
                request = Request::default();
            }
        }
        moment.requests[id] = request;
    }

    fn put(self, moment: &mut Moment, request: &mut Request, (held, lost): (Held, bool)) {
        let event = request.event;
        let free = held.raw.is_none();
        if free || self.naming == Naming::Overwrite {
            moment.replaced |= held.raw.is_some_and(|whose| whose != event);
            store(moment, request.slot(), event);
        }
        if free && !lost || self.naming == Naming::Overwrite {
            request.at = At::Accept;
        } else if lost && self.naming == Naming::BlindToOwnWrite {
            try_next(request);
        } else {
            request.at = At::ReadBack;
        }
    }

    fn delete(self, moment: &mut Moment) {
        moment.forgetting = Forgetting::Done;
        for held in &mut moment.slots {
            // Only what the mark found: an event that came since then is a new one.
            if held.forgotten.is_some() && held.forgotten == held.raw {
                held.raw = None;
            }
        }
        if self.naming == Naming::DedupeForgotten {
            for known in moment.known.each_mut().into_iter().filter(|k| k.forgotten) {
                known.dedupe = None;
            }
        }
    }
}

/// The first request that is idle: it takes the next webhook.
fn idle(moment: &Moment) -> Option<WorkerId> {
    let mut ids = WorkerId::ALL.into_iter();
    ids.find(|&id| moment.requests[id].at == At::Idle)
}

fn mark(moment: &mut Moment) {
    moment.forgets -= 1;
    moment.forgetting = Forgetting::Waiting;
    for held in &mut moment.slots {
        held.forgotten = held.raw;
    }
    let marked = moment.slots;
    for event in marked.iter().filter_map(|held| held.forgotten) {
        moment.known[event].forgotten = true;
    }
    for request in moment.requests.each_mut() {
        request.old = request.at != At::Idle;
    }
}

fn store(moment: &mut Moment, slot: usize, event: Event) {
    if let Some(held) = moment.slots.get_mut(slot) {
        held.raw = Some(event);
    }
    moment.known[event].names |= 1 << slot;
}

fn try_next(request: &mut Request) {
    request.probe += 1;
    assert!(
        request.slot() < SLOTS,
        "two events never need more than four names"
    );
    request.at = At::Look;
}
