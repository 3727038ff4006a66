//! The world in memory has the semantics of the real stores.

use leadwire_pipeline::testkit::{FakeHome, laws};
use std::sync::Arc;

#[tokio::test(start_paused = true)]
async fn the_laws_of_a_store_hold_in_memory() {
    laws::object_store(&FakeHome::new(Arc::default(), Arc::default())).await;
}

#[tokio::test(start_paused = true)]
async fn the_laws_of_deletion_hold_in_memory() {
    for keeps_versions in [false, true] {
        let home = FakeHome::new(Arc::default(), Arc::default());
        if keeps_versions {
            home.keep_versions();
        }
        laws::eraser(&home, keeps_versions).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_laws_of_acceptance_hold_in_memory() {
    let home = FakeHome::new(Arc::default(), Arc::default());
    home.accept_at_once();
    laws::acceptance(&home, async || home.depth()).await;
}
