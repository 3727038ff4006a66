//! A process of the real binaries killed at one call of one run, before or after the call takes effect; then the queue delivers again, the
//! sender sends again, and what is promised is held against what came of it.

mod end;
mod ground;
mod judge;
mod point;
mod scene;
mod shape;

pub use ground::Kind;
pub use point::{Point, Side, Step, cover, spread};
pub use shape::Shape;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};

use judge::judge;
use scene::Scene;

/// What came of one kill.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Where.
    pub point: Point,
    /// Whether the run came to the point at all.
    pub met: bool,
    /// Mails that went out.
    pub mails: usize,
    /// Promises that were broken, in words.
    pub broken: Vec<String>,
}

/// Every point of some shapes: an undisturbed run of each says what it calls. Each of these runs must keep every promise.
///
/// # Errors
/// The harness failed, or an undisturbed run breaks a promise.
pub async fn points(kind: Kind, shapes: &[Shape], at_once: usize) -> Result<Vec<Point>> {
    let runs = stream::iter(shapes.iter().copied()).map(|shape| async move {
        let scene = Scene::build(kind, shape).await?;
        let (ends, steps) = scene.run().await.with_context(|| format!("{shape:?}"))?;
        let broken = judge(&scene, &ends, &BTreeMap::new()).await?;
        anyhow::ensure!(broken.is_empty(), "{shape:?}, undisturbed: {broken:?}");
        let sides = |step: Step| {
            [Side::Before, Side::After].map(|side| Point {
                shape,
                step: step.clone(),
                side,
            })
        };
        Ok(steps.into_iter().flat_map(sides).collect::<Vec<_>>())
    });
    let all: Vec<Vec<Point>> = runs.buffered(at_once).try_collect().await?;
    Ok(all.into_iter().flatten().collect())
}

/// Kills at each of the points, so many at once.
///
/// # Errors
/// The harness failed; a broken promise is in the verdicts.
pub async fn kill_at(kind: Kind, points: Vec<Point>, at_once: usize) -> Result<Vec<Verdict>> {
    let runs = stream::iter(points).map(|point| async move {
        let scene = Scene::build(kind, point.shape).await?;
        // On the heap: it holds the whole run.
        let run = Box::pin(scene.kill(&point));
        let (ends, seen) = run.await.with_context(|| point.to_string())?;
        let met = seen.is_some();
        let broken = judge(&scene, &ends, &seen.unwrap_or_default()).await?;
        Ok(Verdict {
            point,
            met,
            mails: scene.ground.cloud.mails().len(),
            broken,
        })
    });
    runs.buffer_unordered(at_once).try_collect().await
}
