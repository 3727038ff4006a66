//! `slo`: how many leads were mailed in time, and how much of the budget is left.

use super::alarms::store;
use crate::home::{self, HomeArgs};
use crate::output::{BAD, Ended, GOOD, Output, WAIT};
use crate::settings::typed::Typed;
use crate::watch::{Counted, Machine};
use clap::Args;
use jiff::SignedDuration;
use leadwire_pipeline::observe::OBJECTIVE;
use leadwire_pipeline::settings::ENVIRONMENT;
use serde_json::json;

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire slo                                  The objective over the last 30 days
  leadwire slo --days 7 --stack crm-ingestion-dev

Exit code 1 where the budget is used up.")]
pub(crate) struct SloArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    #[command(flatten)]
    pub(crate) settings: Typed,
    /// How many days count
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=35))]
    pub(crate) days: u32,
}

/// The windows beside the whole: what burns now.
const RECENT: [(&str, SignedDuration); 2] = [
    ("last hour", SignedDuration::from_hours(1)),
    ("last 6 hours", SignedDuration::from_hours(6)),
];

/// Shows the objective. A budget that is used up is a failure.
pub(super) async fn run(args: &SloArgs, output: &mut Output) -> anyhow::Result<Ended> {
    let [whole, recent @ ..] = counts(args).await?;
    output.json(&json!({
        "days": args.days, "objective": OBJECTIVE, "in_time": whole.in_time, "late": whole.late, "not_mailed": whole.not_mailed,
        "share": whole.share(), "budget_left": whole.budget_left(),
        "burn": {"1h": recent[0].burn(), "6h": recent[1].burn()},
    }))?;
    let days = args.days;
    output.line(format!(
        "Objective: {} % of leads mailed within 60 s of the later of the delay and the owner file, over {days} days",
        OBJECTIVE * 100.0
    ))?;
    let Some((share, left)) = whole.share().zip(whole.budget_left()) else {
        output.line(format!("{WAIT}No lead has counted in {days} days.{WAIT:#}"))?;
        return Ok(Ended::Done);
    };
    let (in_time, late, not_mailed) = (whole.in_time, whole.late, whole.not_mailed);
    output.line(format!(
        "  {:.2} % in time: {in_time} in time, {late} late, {not_mailed} not mailed",
        share * 100.0
    ))?;
    // The budget may miss zero by a rounding error, and is not shown as `-0`.
    let percent = (left * 100.0).round() + 0.0;
    let style = if left > 0.0 { GOOD } else { BAD };
    output.line(format!(
        "  {style}{percent:.0} % of the budget is left{style:#}"
    ))?;
    for ((name, _), counted) in RECENT.iter().zip(&recent) {
        let burn = counted.burn().map(|burn| format!("burns {burn:.1} ×"));
        let burn = burn.unwrap_or_else(|| "no lead".to_owned());
        output.line(format!("  {name}: {burn}"))?;
    }
    Ok(Ended::when(left > 0.0))
}

/// The counted leads of the whole time, and of the recent ones.
async fn counts(args: &SloArgs) -> anyhow::Result<[Counted; 3]> {
    let whole = SignedDuration::from_hours(24) * i32::try_from(args.days)?;
    let [(_, hour), (_, six)] = RECENT;
    #[cfg(feature = "aws")]
    if let Some(name) = &args.home.stack {
        let stack = crate::watch::Stack::find(name).await?;
        let now = home::now();
        return Ok([
            stack.counted(now, whole).await?,
            stack.counted(now, hour).await?,
            stack.counted(now, six).await?,
        ]);
    }
    let environment = args.settings.read(|settings| settings.get(&ENVIRONMENT))?;
    let machine = Machine::new(store(args.home.clone()).await?, &environment, home::now());
    Ok([
        machine.counted(whole)?,
        machine.counted(hour)?,
        machine.counted(six)?,
    ])
}
