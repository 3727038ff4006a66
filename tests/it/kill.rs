//! The real binaries killed at each kind of call, before and after it takes effect: the least that covers. All points, over `LocalStack`:
//! `cargo run --release -p leadwire-load --features aws -- kill --points 200`.

use anyhow::{Context, Result};
use leadwire_tests::kill::{Kind, Shape, Side, Verdict, cover, kill_at, points};

/// Runs at once: they mostly wait for a message to come back.
const AT_ONCE: usize = 12;

#[tokio::test]
async fn a_process_killed_before_or_after_any_kind_of_call_loses_nothing_and_mixes_nothing()
-> Result<()> {
    let all = points(Kind::Memory, &Shape::ALL, AT_ONCE).await?;
    assert!(all.len() >= 200, "{} points", all.len());
    let chosen = cover(all);
    let verdicts = kill_at(Kind::Memory, chosen, AT_ONCE).await?;
    let broken = verdicts.iter().filter(|verdict| !verdict.broken.is_empty());
    let broken = broken.map(|verdict| format!("{}: {}", verdict.point, verdict.broken.join("; ")));
    let broken: Vec<String> = broken.collect();
    assert!(broken.is_empty(), "{broken:#?}");
    let missed = verdicts.iter().filter(|verdict| !verdict.met);
    let missed: Vec<String> = missed.map(|verdict| verdict.point.to_string()).collect();
    // Where the machine was so busy that a run sent something again, its calls are more than those of the next run.
    let are_few = missed.len() * 10 <= verdicts.len();
    assert!(are_few, "never met: {missed:#?}");
    // The one moment in which a second mail to a receiver is allowed: it shows that processes do die at these points. There are two.
    let in_doubt = |verdict: &&Verdict| {
        verdict.point.step.what == "SendEmail" && verdict.point.side == Side::After
    };
    let doubtful = verdicts.iter().find(in_doubt).context("a mail in doubt")?;
    assert!((3..=4).contains(&doubtful.mails), "{doubtful:?}");
    Ok(())
}
