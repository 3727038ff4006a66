//! `demo`: the real server, the real stages and a real folder, with sample leads and times scaled down to seconds.

mod folder;
mod screen;
mod story;

use crate::client::{Client, Post};
use crate::home::{self, LocalOperated, Operated as _};
use crate::output::{Ended, Output};
use crate::service;
use crate::settings::Settings;
use crate::usage::Usage;
use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::source::Source;
use leadwire_local::{LocalHome, Mode, RunnerConfig};
use leadwire_pipeline::ledger::Ledger;
use leadwire_pipeline::ledger::history::{EventStatus, LeadState};
use leadwire_pipeline::port::Home as _;
use screen::Screen;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use story::{STORIES, Story};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

/// The folder, made anew each time.
pub(super) const FOLDER: &str = "./leadwire-demo";
/// Six minutes, scaled down. Work on a message takes milliseconds here.
const VISIBILITY: Duration = Duration::from_secs(2);
/// Longest that the demo may take before it counts as failed.
const DEADLINE: Duration = Duration::from_mins(1);
/// How often the screen is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// How long the late owner lets its lead wait, so that one can see it.
const LATENESS: Duration = Duration::from_millis(1500);

/// Where one lead of the demo stands.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    story: &'static Story,
    status: Option<EventStatus>,
    /// From the webhook to its end.
    took: Option<SignedDuration>,
    mails: usize,
}

impl Progress {
    fn is_end(&self) -> bool {
        self.status
            .as_ref()
            .is_some_and(|status| status.state.is_end())
    }

    /// Whether it came to the end that it must.
    fn is_right(&self) -> bool {
        self.status
            .as_ref()
            .is_some_and(|status| status.state == self.story.end)
            && self.mails == usize::from(self.story.end == LeadState::Mailed)
    }
}

/// Runs the demo. Done only when every lead came to the end that it must.
pub(super) async fn run(output: &mut Output) -> anyhow::Result<Ended> {
    let started = Instant::now();
    let dir = folder::make(FOLDER)?;
    let home = LocalHome::open(&dir, Mode::Serve)?;
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .context("could not listen on this machine")?;
    let url = format!("http://{}/ingest", listener.local_addr()?);
    let mut screen = Screen::new(output, started, &url)?;
    put_owners(&home).await?;
    let settings = settings()?;
    let runner = RunnerConfig {
        visibility: VISIBILITY,
        ..RunnerConfig::default()
    };
    let (stop, stopped) = watch::channel(false);
    let service = service::run(&home, listener, &settings, runner, stopped);
    let story = async {
        let ended = play(&home, &url, &mut screen).await;
        stop.send_replace(true);
        ended
    };
    let (served, played) = tokio::join!(service, story);
    served?;
    let mut leads = played?;
    home.views_written().await;
    for lead in &mut leads {
        lead.mails = folder::count_mails(home.folder(), lead.story.lead_id)?;
    }
    let good = leads.iter().all(Progress::is_right);
    screen.finish(&leads, good)?;
    Ok(Ended::when(good))
}

/// Posts the leads, then watches until each has come to its end.
async fn play(
    home: &LocalHome,
    url: &str,
    screen: &mut Screen<'_>,
) -> anyhow::Result<Vec<Progress>> {
    let mut leads: Vec<Progress> = STORIES
        .iter()
        .map(|story| Progress {
            story,
            status: None,
            took: None,
            mails: 0,
        })
        .collect();
    for story in &STORIES {
        for answer in post(url, story).await? {
            screen.tell(story.lead_id, &answer)?;
        }
    }
    let deadline = Instant::now() + DEADLINE;
    let desk = home::desk(home);
    let mut late_since = None;
    while !leads.iter().all(Progress::is_end) && Instant::now() < deadline {
        for lead in &mut leads {
            look(&desk, lead).await?;
        }
        screen.draw(&leads)?;
        bring_late_owner(home, &leads, &mut late_since, screen).await?;
        tokio::time::sleep(FRAME).await;
    }
    Ok(leads)
}

async fn look(desk: &LocalOperated, lead: &mut Progress) -> anyhow::Result<()> {
    if lead.is_end() {
        return Ok(());
    }
    let lead_id = lead.story.parse_lead_id()?;
    let found = Ledger::new(desk.store())
        .lead(&desk.look().await?, &lead_id)
        .await?;
    let Some(event) = found.first() else {
        return Ok(());
    };
    let status = event.status(home::now());
    let accepted: Option<Timestamp> = event.received.as_ref().map(|received| received.accepted_at);
    lead.took = status
        .since
        .zip(accepted)
        .map(|(end, begin)| end.duration_since(begin));
    lead.status = Some(status);
    Ok(())
}

/// The owner file of the lead that waits for it comes a moment after the wait began.
async fn bring_late_owner(
    home: &LocalHome,
    leads: &[Progress],
    since: &mut Option<Instant>,
    screen: &mut Screen<'_>,
) -> anyhow::Result<()> {
    let waits = leads
        .iter()
        .find(|lead| lead.story.is_owner_late && lead.status.as_ref().is_some_and(waits_for_owner));
    let Some(lead) = waits else { return Ok(()) };
    let since = since.get_or_insert_with(Instant::now);
    let lead_id = lead.story.parse_lead_id()?;
    if since.elapsed() < LATENESS || home.lookup().path(&lead_id).exists() {
        return Ok(());
    }
    home.lookup().put(&lead_id, lead.story.owner_file()).await?;
    screen.tell(lead.story.lead_id, "its owner file arrives")
}

fn waits_for_owner(status: &EventStatus) -> bool {
    status.state == LeadState::Waiting && status.why.contains("owner")
}

async fn put_owners(home: &LocalHome) -> anyhow::Result<()> {
    for story in STORIES.iter().filter(|story| !story.is_owner_late) {
        home.lookup()
            .put(&story.parse_lead_id()?, story.owner_file())
            .await?;
    }
    Ok(())
}

/// Posts a lead as often as its story says, as a CRM does: the same event each time.
async fn post(url: &str, story: &'static Story) -> anyhow::Result<Vec<String>> {
    let now = home::now();
    let sample = story.sample(now)?;
    let url = url.to_owned();
    let posted = tokio::task::spawn_blocking(move || {
        let client = Client::new();
        let post = Post::of(Source::default(), &sample, None, now)?;
        (0..story.posts)
            .map(|_| client.post(&url, &post))
            .collect::<anyhow::Result<Vec<_>>>()
    });
    let replies = posted.await.context("posting stopped")??;
    let mut answers = Vec::new();
    for reply in replies {
        anyhow::ensure!(
            reply.is_success(),
            "{} was not taken: {} {}",
            story.lead_id,
            reply.status,
            reply.body
        );
        let again = if reply.body.contains("\"duplicate\":true") {
            ", a duplicate"
        } else {
            ""
        };
        answers.push(format!("posted, answered {}{again}", reply.status));
    }
    Ok(answers)
}

/// Ten minutes and half an hour, scaled down.
fn settings() -> Result<Settings, Usage> {
    let flag = |flag: &str| match flag {
        "--delay" => Some("2s".to_owned()),
        "--owner-wait" => Some("4s".to_owned()),
        "--mail-wait" => Some("1m".to_owned()),
        "--lease" => Some("1s".to_owned()),
        "--notify-owner" => Some("true".to_owned()),
        "--canary" => Some("off".to_owned()),
        _ => None,
    };
    let mut settings = Settings::read(&flag, None)?;
    settings.enrich.retry_seconds = 1;
    settings.sweep.visibility_seconds = 2;
    Ok(settings)
}
