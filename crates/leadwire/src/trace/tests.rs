use super::sample::{GOOD, LATE_OWNER, REDELIVERY, SWEPT, spans};
use super::*;

fn waterfall(text: &str) -> Waterfall<'static> {
    arrange(spans(text).leak()).unwrap()
}

/// The traces that spans point to.
fn elsewhere<'a>(waterfall: &'a Waterfall<'a>) -> Vec<&'a str> {
    let links = waterfall.rows.iter().flat_map(|row| &row.span.links);
    let elsewhere = links.filter(|link| waterfall.name_of(link).is_none());
    elsewhere.map(|link| link.trace_id.as_str()).collect()
}

/// The rows at the top, with their kinds.
fn tops<'a>(waterfall: &'a Waterfall<'a>) -> Vec<(RowKind, &'a str)> {
    let tops = waterfall.rows.iter().filter(|row| row.depth == 0);
    tops.map(|row| (row.kind, row.span.name.as_str())).collect()
}

fn texts(waterfall: &Waterfall<'_>) -> Vec<String> {
    waterfall.breaks().map(Piece::text).collect()
}

fn drawn(waterfall: &Waterfall<'_>, width: usize) -> String {
    let lines = draw(waterfall, width).into_iter();
    let plain = lines.map(|line| anstream::adapter::strip_str(&line).to_string() + "\n");
    plain.collect()
}

#[test]
fn a_good_lead_is_one_attempt_after_ten_minutes_in_the_queue() {
    let waterfall = waterfall(GOOD);
    assert_eq!(
        tops(&waterfall),
        [
            (RowKind::Received, "POST /ingest/{source}"),
            (RowKind::Wait, "wait delay"),
            (RowKind::Attempt(1), "process delay"),
        ]
    );
    assert_eq!(texts(&waterfall), ["10 min in the queue"]);
    assert_eq!((waterfall.attempts, waterfall.errors), (1, 0));
    let mut rows = waterfall.rows.iter();
    let mail = rows.find(|row| row.span.name == "SES.SendEmail").unwrap();
    assert_eq!((mail.depth, mail.stage), (1, "enrich"));
    assert_eq!(render_nanos(mail.nanos), "112 ms");
    assert_eq!(elsewhere(&waterfall), ["0af7651916cd43dd8448eb211c80319c"]);
}

#[test]
fn attempts_that_follow_each_other_by_messages_stand_side_by_side() {
    let waterfall = waterfall(LATE_OWNER);
    let kinds: Vec<RowKind> = tops(&waterfall).iter().map(|(kind, _)| *kind).collect();
    let attempts = [1, 2, 3].map(|number| [RowKind::Wait, RowKind::Attempt(number)]);
    assert_eq!(kinds[0], RowKind::Received);
    assert_eq!(kinds[1..], attempts.concat());
    assert_eq!(
        texts(&waterfall),
        [
            "10 min in the queue",
            "30 s in the queue",
            "1 min in the queue"
        ]
    );
    let mut rows = waterfall.rows.iter();
    let third = rows.rfind(|row| row.kind == RowKind::Attempt(3)).unwrap();
    assert_eq!(third.parent, Some("send delay"));
    let link = &third.span.links[0];
    assert_eq!(waterfall.name_of(link), Some("send delay"));
}

#[test]
fn a_message_that_comes_again_is_a_second_attempt_and_its_error_is_marked() {
    let waterfall = waterfall(REDELIVERY);
    assert_eq!((waterfall.attempts, waterfall.errors), (2, 2));
    assert_eq!(
        texts(&waterfall),
        ["10 min in the queue", "14.9 s until its next try"]
    );
}

#[test]
fn what_a_sweep_sent_stands_at_the_top_and_is_linked_to_the_sweep() {
    let waterfall = waterfall(SWEPT);
    assert_eq!(
        tops(&waterfall),
        [
            (RowKind::Received, "POST /ingest/{source}"),
            (RowKind::SentLater, "send delay"),
            (RowKind::Wait, "wait delay"),
            (RowKind::Attempt(1), "process delay"),
        ]
    );
    // A wake-up's first message stands there too: it is not said that it was sent before.
    assert_eq!(RowKind::SentLater.note().as_deref(), Some("sent later"));
    assert_eq!(elsewhere(&waterfall), ["6ac2a63fcdcdcdcdcdcdcdcdcdcdcdcd"]);
    assert_eq!(texts(&waterfall), ["1 h 14 min of which nothing is known"]);
}

#[test]
fn a_span_whose_parent_is_not_here_stands_at_the_top() {
    let mut spans = spans(GOOD);
    let root = spans.remove(0);
    let waterfall = arrange(&spans).unwrap();
    let rows = waterfall.rows.iter();
    let orphans = rows.filter(|row| row.kind == RowKind::Orphan);
    let orphans: Vec<&str> = orphans.map(|row| row.span.name.as_str()).collect();
    assert_eq!(orphans, ["S3.PutObject", "send delay"]);
    assert_eq!(waterfall.rows[0].parent, Some(root.span_id.as_str()));
}

#[test]
fn what_came_of_a_span_is_told_where_it_is_not_as_it_should_be() {
    let waterfall = waterfall(LATE_OWNER);
    let outcomes = waterfall.rows.iter().filter_map(|row| {
        let about = row.object().unwrap_or(&row.span.name);
        Some(format!("{about}: {}", row.outcome()?))
    });
    let outcomes: Vec<String> = outcomes.collect();
    assert_eq!(
        outcomes[..4],
        [
            "POST /ingest/{source}: accepted",
            "process delay: owner absent",
            "enriched: missing",
            "lookup: missing",
        ]
    );
    assert_eq!(waterfall.lead_id(), Some("test-1"));
}

#[test]
fn no_span_is_lost_whatever_the_parents_say() {
    let mut circle = spans(GOOD);
    let ids: Vec<String> = circle.iter().map(|span| span.span_id.clone()).collect();
    // Each is part of the next, the last of the first; and one is part of itself.
    for (span, parent) in circle.iter_mut().zip(ids.iter().cycle().skip(1)) {
        span.parent_id = Some(parent.clone());
    }
    circle[3].parent_id = Some(ids[3].clone());
    let rows = arrange(&circle).unwrap().rows.into_iter();
    let mut shown: Vec<String> = rows.map(|row| row.span.span_id.clone()).collect();
    shown.sort();
    assert_eq!(shown, ids);
    assert_eq!(arrange(&[]), None);
}

#[test]
fn a_deep_chain_is_drawn_and_not_recursed_into() {
    let template = spans(GOOD).remove(1);
    let deep: Vec<SpanRecord> = (0..20_000)
        .map(|number| SpanRecord {
            span_id: format!("{number:016x}"),
            parent_id: Some(format!("{:016x}", number - 1)),
            ..template.clone()
        })
        .collect();
    assert_eq!(arrange(&deep).unwrap().rows.len(), 20_000);
}

#[test]
fn times_are_told_in_at_most_three_digits() {
    for (nanos, text) in [
        (0, "0 ms"),
        (370_000, "0.37 ms"),
        (4_200_000, "4.2 ms"),
        (14_930_000, "14.9 ms"),
        (14_030_000, "14 ms"),
        (128_400_000, "128 ms"),
        (5_020_000_000, "5.02 s"),
        (14_980_000_000, "14.9 s"),
        (600_020_000_000, "10 min"),
        (-5, "0 ms"),
    ] {
        assert_eq!(render_nanos(nanos), text);
    }
}

#[test]
fn the_terminal_shows_the_gap_the_attempts_and_the_errors() {
    insta::assert_snapshot!(drawn(&waterfall(REDELIVERY), 100));
}

#[test]
fn a_narrow_terminal_still_shows_names_and_times() {
    for text in [GOOD, LATE_OWNER, REDELIVERY, SWEPT] {
        let narrow = drawn(&waterfall(text), 10);
        assert!(narrow.contains("process delay · attempt 1 · "), "{narrow}");
        let wide = drawn(&waterfall(text), 120);
        let too_wide = wide.lines().find(|line| line.chars().count() > 120);
        assert_eq!(too_wide, None, "{wide}");
    }
}
