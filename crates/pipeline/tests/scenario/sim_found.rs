//! What the simulator found, each as small as it goes.

use super::prelude::*;
use leadwire_domain::notice::EmailAddress;

#[tokio::test(start_paused = true)]
async fn what_the_first_edition_parked_is_sent_to_everybody_once_a_person_says_so() {
    let world = World::with(|world| {
        let address = |text| EmailAddress::parse(text).unwrap();
        world.enrich.to = ["a@example.com", "b@example.com"].map(address).to_vec();
    });
    world.put_owner("test-1", OMAR);
    let name = name_of(&world.post(ALICE).await);
    world.work_until_idle().await;
    let mails = world.mailer().sent().len();
    // As the first edition leaves it: its document names no effects.
    let document = world.peek(&name.enriched_key()).unwrap();
    let mut document: Value = serde_json::from_slice(&document.bytes).unwrap();
    let ours = document["_leadwire"].as_object_mut().unwrap();
    assert!(ours.remove("notify").is_some());
    world.put(&name.enriched_key(), &document.to_string());
    world.put(&name.mail_key(), PARKED_CLAIM);
    let said = resolve(&*world.home, &name, Resolution::Resend).await;
    assert_eq!(said.unwrap(), Resolved::Queued);
    assert_eq!(world.work_until_idle().await, [MAILED]);
    assert_eq!(world.mailer().sent().len(), mails + 2);
}
