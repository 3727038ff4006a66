//! The world in memory has the semantics of the real stores.

use leadwire_pipeline::testkit::{FakeHome, laws};
use std::sync::Arc;

#[tokio::test(start_paused = true)]
async fn the_laws_of_a_store_hold_in_memory() {
    laws::object_store(&FakeHome::new(Arc::default(), Arc::default())).await;
}
