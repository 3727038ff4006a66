//! Sweeps over many kept events: they end within their time, and find every lost one.

use leadwire_sim::kept::{Stock, Swept};
use std::time::Duration;

fn sweep(stock: &Stock) -> Swept {
    stock.sweep(2).expect("no call fails")
}

/// Pages of ten, so that a few thousand events take as many requests as millions do.
fn small() -> Stock {
    Stock {
        page: 10,
        ..Stock::of(50_000)
    }
}

#[test]
fn a_sweep_over_many_events_finds_every_lost_one_and_the_next_is_faster() {
    let stock = small();
    let swept = sweep(&stock);
    assert_eq!(swept.missed, 0);
    let [first, second] = &swept.runs[..] else {
        panic!("{swept:?}")
    };
    assert_eq!((first.report.ranges, first.report.sent), (1, 100));
    assert_eq!((second.report.ranges, second.report.found), (8, 0));
    assert!(second.took < first.took / 4, "{swept:?}");
    // Four requests for each page of events at most, and three for each event that is sent.
    for run in &swept.runs {
        assert_eq!(run.report.examined, stock.events);
        let pages = stock.events / stock.page;
        assert!(run.calls.count() <= 4 * pages + 3 * run.report.sent + 64);
    }
}

#[test]
fn a_sweep_that_is_cut_off_goes_on_and_finds_every_lost_one() {
    let stock = Stock {
        time: Duration::from_secs(40),
        ..small()
    };
    let swept = sweep(&stock);
    assert_eq!(swept.missed, 0);
    assert!(swept.runs.iter().all(|run| run.took <= stock.time));
    let (first, last) = (
        &swept.runs[0].report,
        &swept.runs[swept.runs.len() - 1].report,
    );
    assert!(
        !first.complete && last.complete && last.ranges == 8,
        "{swept:?}"
    );
    let round = swept
        .runs
        .iter()
        .position(|run| run.report.complete)
        .unwrap();
    let examined: u64 = swept.runs[..=round]
        .iter()
        .map(|run| run.report.examined)
        .sum();
    assert_eq!(examined, stock.events, "a round looks at each event once");
}

/// The control: a seam between two pages that swallows an event is seen.
#[test]
fn a_listing_that_leaves_out_an_event_at_each_page_is_noticed() {
    let stock = Stock {
        lies: true,
        ..small()
    };
    assert!(sweep(&stock).missed > 0);
}
