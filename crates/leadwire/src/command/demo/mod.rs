//! `demo`: the real server, the real stages and a real folder, with sample leads and times scaled down to seconds.

mod screen;

use crate::client::{Client, Post, is_taken};
use crate::home::{self, LocalOperated, Operated as _};
use crate::output::{Ended, Output};
use crate::service::{self, Asked};
use crate::settings::Settings;
use crate::usage::Usage;
use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::lead::id::{EventId, LeadId};
use leadwire_domain::source::{Sample, SourceKind};
use leadwire_local::{DataFolder, LocalHome, Mode, RunnerConfig};
use leadwire_pipeline::ledger::Ledger;
use leadwire_pipeline::ledger::history::{EventStatus, LeadState};
use leadwire_pipeline::port::{Entropy as _, Home as _};
use screen::Screen;
use serde_json::json;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

/// The folder, made anew each time.
const FOLDER: &str = "./leadwire-demo";
/// A file that says that the folder is the demo's, so that nothing else is ever deleted.
const MARKER: &str = "made-by-leadwire-demo";
/// Six minutes, scaled down. Work on a message takes milliseconds here.
const VISIBILITY: Duration = Duration::from_secs(2);
/// Longest that the demo may take before it counts as failed.
const DEADLINE: Duration = Duration::from_mins(1);
/// How often the screen is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// How long the late owner lets its lead wait, so that one can see it.
const LATENESS: Duration = Duration::from_millis(1500);

/// Who is mailed about each lead, each by a file of its own: the team, and the lead's owner.
const RECEIVERS: usize = 2;

/// One lead's story.
#[derive(Debug)]
struct Story {
    lead_id: &'static str,
    name: &'static str,
    /// What it shows.
    title: &'static str,
    /// How often the CRM posts it.
    posts: u32,
    /// Whether its owner file comes only when the lead waits for it.
    is_owner_late: bool,
    /// The lead that its owner file names.
    owner_file_of: &'static str,
    owner: &'static str,
    /// The end that it must come to.
    end: LeadState,
}

const STORIES: [Story; 4] = [
    good_story("demo-alice", "Alice Adams", "a good lead", "Omar"),
    Story {
        title: "posted twice by the CRM, mailed once",
        posts: 2,
        ..good_story("demo-bob", "Bob Brown", "", "Olga")
    },
    Story {
        title: "its owner is assigned late",
        is_owner_late: true,
        ..good_story("demo-carol", "Carol Clark", "", "Oscar")
    },
    Story {
        title: "poisoned: another lead's owner file",
        owner_file_of: "demo-alice",
        end: LeadState::Dead,
        ..good_story("demo-dave", "Dave Davis", "", "Omar")
    },
];

const fn good_story(
    lead_id: &'static str,
    name: &'static str,
    title: &'static str,
    owner: &'static str,
) -> Story {
    Story {
        lead_id,
        name,
        title,
        posts: 1,
        is_owner_late: false,
        owner_file_of: lead_id,
        owner,
        end: LeadState::Mailed,
    }
}

impl Story {
    fn parse_lead_id(&self) -> anyhow::Result<LeadId> {
        LeadId::parse(self.lead_id).context("a lead id of the demo")
    }

    /// The lead as the CRM posts it.
    fn sample(&self, now: Timestamp) -> anyhow::Result<Sample> {
        Ok(Sample {
            lead_id: self.parse_lead_id()?,
            name: self.name.to_owned(),
            email: format!("{}@example.com", self.lead_id),
            event_id: EventId::from_random(home::entropy().bits()),
            made_at: Some(now),
        })
    }

    async fn put_owner_file(&self, home: &LocalHome) -> anyhow::Result<()> {
        let file = json!({
            "lead_id": self.owner_file_of,
            "lead_owner": self.owner,
            "owner_email": format!("{}@example.com", self.owner.to_lowercase()),
            "funnel": "Direct VSL",
        });
        let text = format!("{file:#}\n").into_bytes();
        home.lookup().put(&self.parse_lead_id()?, text).await?;
        Ok(())
    }
}

/// Where one lead of the demo stands.
#[derive(Clone, Debug)]
struct Progress {
    story: &'static Story,
    status: Option<EventStatus>,
    /// From the webhook to its end.
    took: Option<SignedDuration>,
    mails: usize,
}

impl Progress {
    fn state(&self) -> Option<LeadState> {
        self.status.as_ref().map(|status| status.state)
    }

    fn is_end(&self) -> bool {
        self.state().is_some_and(LeadState::is_end)
    }

    /// Whether it came to the end that it must.
    fn is_right(&self) -> bool {
        let is_mailed = self.story.end == LeadState::Mailed;
        let mails = if is_mailed { RECEIVERS } else { 0 };
        self.state() == Some(self.story.end) && self.mails == mails
    }

    fn waits_for_owner(&self) -> bool {
        let mut status = self.status.iter();
        status.any(|status| status.state == LeadState::Waiting && status.why.contains("owner"))
    }
}

/// Runs the demo. Done only when every lead came to the end that it must.
pub(super) async fn run(output: &mut Output) -> anyhow::Result<Ended> {
    let started = Instant::now();
    let dir = Path::new(FOLDER);
    make(dir)?;
    let home = LocalHome::open(dir, Mode::Serve)?;
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
    let listener = listener.context("could not listen on this machine")?;
    let url = format!("http://{}/ingest", listener.local_addr()?);
    let mut screen = Screen::new(output, started, &url)?;
    for story in STORIES.iter().filter(|story| !story.is_owner_late) {
        story.put_owner_file(&home).await?;
    }
    let settings = settings()?;
    let runner = RunnerConfig {
        visibility: VISIBILITY,
        ..RunnerConfig::default()
    };
    let (stop, stopped) = watch::channel(false);
    let asked = Asked {
        stop: stopped,
        reload: Arc::default(),
    };
    let service = service::run(&home, listener, &settings, runner, asked);
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
        let mails = home::desk(&home).mails(&lead.story.parse_lead_id()?);
        lead.mails = mails.context("could not read the outbox")?.len();
    }
    let good = leads.iter().all(Progress::is_right);
    screen.finish(&leads, good)?;
    Ok(Ended::when(good))
}

/// Makes the folder anew, unless it is somebody else's.
fn make(dir: &Path) -> anyhow::Result<()> {
    let path = dir.display();
    if dir.exists() {
        anyhow::ensure!(
            dir.join(MARKER).is_file(),
            "{path} is there and is not a demo's folder; move it away, or run the demo elsewhere"
        );
        if let Some(holder) = home::served_by(&DataFolder::new(dir))? {
            anyhow::bail!("{path} is served {holder}; stop that one first");
        }
        fs::remove_dir_all(dir).with_context(|| format!("could not remove {path}"))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("could not make {path}"))?;
    let text = "The next `leadwire demo` deletes this folder.\n";
    fs::write(dir.join(MARKER), text).with_context(|| format!("could not write to {path}"))
}

/// Posts the leads, then watches until each has come to its end.
async fn play(
    home: &LocalHome,
    url: &str,
    screen: &mut Screen<'_>,
) -> anyhow::Result<Vec<Progress>> {
    let leads = STORIES.iter().map(|story| Progress {
        story,
        status: None,
        took: None,
        mails: 0,
    });
    let mut leads: Vec<Progress> = leads.collect();
    for story in &STORIES {
        for answer in post(url, story).await? {
            screen.report(story.lead_id, &answer)?;
        }
    }
    let deadline = Instant::now() + DEADLINE;
    let desk = home::desk(home);
    let mut late_since = None;
    while !leads.iter().all(Progress::is_end) && Instant::now() < deadline {
        for lead in leads.iter_mut().filter(|lead| !lead.is_end()) {
            look(&desk, lead).await?;
        }
        screen.draw(&leads)?;
        bring_late_owner(home, &leads, &mut late_since, screen).await?;
        tokio::time::sleep(FRAME).await;
    }
    Ok(leads)
}

async fn look(desk: &LocalOperated, lead: &mut Progress) -> anyhow::Result<()> {
    let (ledger, queue) = (Ledger::new(desk.store()), desk);
    let events = ledger.lead(queue, &lead.story.parse_lead_id()?).await?;
    if let Some(event) = events.first() {
        let status = event.status(home::now());
        let ends = status.since.zip(event.received.as_ref());
        lead.took = ends.map(|(end, received)| end.duration_since(received.accepted_at));
        lead.status = Some(status);
    }
    Ok(())
}

/// The owner file of the lead that waits for it comes a moment after the wait began.
async fn bring_late_owner(
    home: &LocalHome,
    leads: &[Progress],
    since: &mut Option<Instant>,
    screen: &mut Screen<'_>,
) -> anyhow::Result<()> {
    let mut late = leads.iter().filter(|lead| lead.story.is_owner_late);
    let Some(lead) = late.find(|lead| lead.waits_for_owner()) else {
        return Ok(());
    };
    let path = home.lookup().path(&lead.story.parse_lead_id()?);
    let since = since.get_or_insert_with(Instant::now);
    if since.elapsed() < LATENESS || path.exists() {
        return Ok(());
    }
    lead.story.put_owner_file(home).await?;
    screen.report(lead.story.lead_id, "its owner file arrives")
}

/// Posts a lead as often as its story says, as a CRM does: the same event each time.
async fn post(url: &str, story: &'static Story) -> anyhow::Result<Vec<String>> {
    let now = home::now();
    let sample = story.sample(now)?;
    let url = url.to_owned();
    let posted = tokio::task::spawn_blocking(move || {
        let client = Client::new();
        let post = Post::unsigned(SourceKind::default(), &sample);
        (0..story.posts)
            .map(|_| client.post(&url, &post))
            .collect::<anyhow::Result<Vec<_>>>()
    });
    let mut answers = Vec::new();
    for reply in posted.await.context("posting stopped")?? {
        let (status, body) = (reply.status, String::from_utf8_lossy(&reply.body));
        let lead_id = story.lead_id;
        anyhow::ensure!(is_taken(&reply), "{lead_id} was not taken: {status} {body}");
        let is_duplicate = body.contains("\"duplicate\":true");
        let again = if is_duplicate { ", a duplicate" } else { "" };
        answers.push(format!("posted, answered {status}{again}"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_the_demos_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("precious"), "").unwrap();
        assert!(make(&path).is_err());
        assert!(path.join("precious").exists());
    }
}
