//! `alarms`: what calls for a person, and where to read on.

use crate::cli::HomeArgs;
use crate::home::{self, Opened, Operated as _, Traces, operate};
use crate::output::{BAD, Cell, DIM, Ended, GOOD, Output, PLAIN, WAIT};
use crate::settings::typed::{Alarms, Typed};
use crate::watch::{Machine, Severity, Standing};
use anstyle::Style;
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
    pub(crate) settings: Typed<Alarms>,
    /// Also those that are well
    #[arg(long)]
    pub(crate) all: bool,
}

/// Lists the alarms. One in ALARM is a failure: somebody must look.
pub(super) async fn run(args: &AlarmsArgs, output: &mut Output) -> anyhow::Result<Ended> {
    let mut standings = standings(args).await?;
    standings.sort_by_key(|standing| (rank(standing), standing.name.clone()));
    for standing in &standings {
        output.json(&json!({
            "alarm": standing.name, "state": standing.state.map(State::name), "severity": standing.severity,
            "reason": standing.reason, "about": standing.about, "runbook": standing.runbook,
        }))?;
    }
    let is_told = |standing: &&Standing| args.all || standing.state == Some(State::Alarm);
    let told: Vec<_> = standings.iter().filter(is_told).collect();
    if !told.is_empty() {
        let rows: Vec<_> = told.iter().map(|standing| row(standing)).collect();
        output.table(&["ALARM", "STATE", "TELLS", "WHAT", "READ ON"], &rows)?;
    }
    let of = |state| standings.iter().filter(|s| s.state == state).count();
    let (alarms, unknown) = (of(Some(State::Alarm)), of(None));
    output.line(summary(alarms, standings.len() - unknown, unknown))?;
    Ok(Ended::when(alarms == 0))
}

fn summary(alarms: usize, all: usize, unknown: usize) -> String {
    let rest = if unknown == 0 {
        String::new()
    } else {
        format!(" {DIM}{unknown} cannot be told here.{DIM:#}")
    };
    if alarms == 0 {
        format!("{GOOD}None of {all} alarms calls.{GOOD:#}{rest}")
    } else {
        format!("{BAD}{alarms} of {all} alarms call.{BAD:#}{rest}")
    }
}

fn row(standing: &Standing) -> Vec<Cell> {
    let (word, style) = word(standing.state);
    let what = if standing.state.is_none() {
        &standing.reason
    } else {
        &standing.about
    };
    vec![
        Cell::plain(&standing.name),
        Cell::styled(word, style),
        Cell::plain(standing.severity.word()),
        Cell::plain(what),
        Cell::styled(&standing.runbook, DIM),
    ]
}

fn word(state: Option<State>) -> (&'static str, Style) {
    match state {
        Some(State::Alarm) => (State::Alarm.name(), BAD),
        Some(State::Ok) => (State::Ok.name(), GOOD),
        Some(State::InsufficientData) => (State::InsufficientData.name(), WAIT),
        None => ("-", PLAIN),
    }
}

/// What calls first comes first, and what wakes a person before what does not.
fn rank(standing: &Standing) -> (u8, u8) {
    let state = match standing.state {
        Some(State::Alarm) => 0,
        Some(State::InsufficientData) => 1,
        Some(State::Ok) => 2,
        None => 3,
    };
    let severity = match standing.severity {
        Severity::Page => 0,
        Severity::Ticket => 1,
        Severity::Part => 2,
    };
    (state, severity)
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
pub(super) async fn store(home: crate::cli::HomeArgs) -> anyhow::Result<TelemetryStore> {
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
