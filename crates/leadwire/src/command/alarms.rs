//! `alarms`: what calls for a person, and where to read on.

use crate::home::{self, HomeArgs, Opened, Operated as _, Traces, operate};
use crate::output::{BAD, Cell, DIM, Ended, GOOD, Output, PLAIN, WAIT};
use crate::settings::typed::Typed;
use crate::watch::{Machine, Severity, Standing};
use clap::Args;
use leadwire_cloudwatch::State;
use leadwire_local::{Mode, TelemetryStore};
use leadwire_pipeline::settings::ENVIRONMENT;
use serde_json::json;

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire alarms                                  What calls for a person, and where to read on
  leadwire alarms --all --stack crm-ingestion-dev  Every alarm of a stack, as CloudWatch sees it

On one machine the same alarms are evaluated over the minutes that `up` keeps; those of AWS's own services have no state there.
Exit code 1 where one is in ALARM.")]
pub(crate) struct AlarmsArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    #[command(flatten)]
    pub(crate) settings: Typed,
    /// Also those that are well
    #[arg(long)]
    pub(crate) all: bool,
}

/// Lists the alarms. One in ALARM is a failure: somebody must look.
pub(super) async fn run(args: &AlarmsArgs, output: &mut Output) -> anyhow::Result<Ended> {
    let mut standings = standings(args).await?;
    standings.sort_by_key(|standing| (rank(standing), standing.name.clone()));
    let mut rows = Vec::new();
    for standing in &standings {
        output.json(&json!({
            "alarm": standing.name, "state": standing.state.map(State::name), "severity": standing.severity,
            "reason": standing.reason, "about": standing.about, "runbook": standing.runbook,
        }))?;
        if args.all || standing.state == Some(State::Alarm) {
            rows.push(row(standing));
        }
    }
    if !rows.is_empty() {
        output.table(&["ALARM", "STATE", "TELLS", "WHAT", "READ ON"], &rows)?;
    }
    let of = |state| standings.iter().filter(|s| s.state == state).count();
    let (alarms, unknown) = (of(Some(State::Alarm)), of(None));
    output.line(summary(alarms, standings.len() - unknown, unknown))?;
    Ok(Ended::when(alarms == 0))
}

fn summary(alarms: usize, all: usize, unknown: usize) -> String {
    let rest = match unknown {
        0 => String::new(),
        _ => format!(" {DIM}{unknown} cannot be known here.{DIM:#}"),
    };
    match alarms {
        0 => format!("{GOOD}None of {all} alarms calls.{GOOD:#}{rest}"),
        _ => format!("{BAD}{alarms} of {all} alarms call.{BAD:#}{rest}"),
    }
}

fn row(standing: &Standing) -> Vec<Cell> {
    let style = match standing.state {
        Some(State::Alarm) => BAD,
        Some(State::Ok) => GOOD,
        Some(State::InsufficientData) => WAIT,
        None => PLAIN,
    };
    let what = match standing.state {
        Some(_) => &standing.about,
        None => &standing.reason,
    };
    vec![
        Cell::plain(&standing.name),
        Cell::styled(standing.state.map_or("-", State::name), style),
        Cell::plain(standing.severity.word()),
        Cell::plain(what),
        Cell::styled(&standing.runbook, DIM),
    ]
}

/// What calls first comes first, and what wakes a person before what does not.
fn rank(standing: &Standing) -> (u8, Severity) {
    let state = match standing.state {
        Some(State::Alarm) => 0,
        Some(State::InsufficientData) => 1,
        Some(State::Ok) => 2,
        None => 3,
    };
    (state, standing.severity)
}

async fn standings(args: &AlarmsArgs) -> anyhow::Result<Vec<Standing>> {
    #[cfg(feature = "aws")]
    if let Some(name) = &args.home.stack {
        return crate::watch::Stack::find(name).await?.alarms().await;
    }
    let store = store(args.home.clone()).await?;
    let environment = args.settings.read(|settings| settings.get(&ENVIRONMENT))?;
    Machine::new(store, &environment, home::now()).alarms()
}

/// The telemetry of the data folder. A stack without the feature is refused where homes are opened.
pub(super) async fn store(home: HomeArgs) -> anyhow::Result<TelemetryStore> {
    let traces = match operate(&home, Mode::Operate).await? {
        Opened::Local(home) => home.traces(),
        #[cfg(feature = "aws")]
        Opened::Stack(home) => home.traces(),
    };
    match traces {
        Traces::Kept(store) => Ok(store),
        #[cfg(feature = "aws")]
        Traces::XRay { .. } => anyhow::bail!("a stack's metrics are in CloudWatch"),
    }
}
