//! Both ways to have the emulators.

use anyhow::{Context, Result, ensure};
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use leadwire_tests::clock;
use leadwire_tests::emulator::{Emulators, Way, tell};
use leadwire_tests::http::Client;
use leadwire_tests::mailbox::Mailbox;
use leadwire_tests::stack::unique_name;

#[tokio::test]
async fn the_shared_emulators_store_queue_and_mail() -> Result<()> {
    one_of_each(Emulators::shared().await?).await
}

#[tokio::test]
async fn a_way_that_the_variable_names_is_the_way_used() -> Result<()> {
    let used = Emulators::shared().await?.way;
    match Way::named()? {
        Some(named) => ensure!(used == named, "{named:?} was named, {used:?} is used"),
        None => tell(&format!("emulators: no way is named, {used:?} is used")),
    }
    Ok(())
}

#[tokio::test]
async fn emulators_from_docker_store_queue_and_mail_and_end_when_dropped() -> Result<()> {
    match Emulators::start(Way::Docker).await {
        Ok(emulators) => serve_and_end(emulators).await,
        // Without Docker there is nothing of the harness to test, unless this very run claims to use it.
        Err(docker) => {
            let used = Emulators::shared().await?.way;
            ensure!(used != Way::Docker, "{docker:#}");
            tell(&format!(
                "emulators: Docker is NOT tested here, {used:?} is used. Docker said: {docker:#}"
            ));
            Ok(())
        }
    }
}

#[tokio::test]
async fn emulators_from_a_virtual_environment_store_queue_and_mail_and_end_when_dropped()
-> Result<()> {
    serve_and_end(Emulators::start(Way::Venv).await?).await
}

async fn serve_and_end(emulators: Emulators) -> Result<()> {
    one_of_each(&emulators).await?;
    let urls = [emulators.aws.clone(), emulators.mail.clone()];
    drop(emulators);
    let client = Client::default();
    for url in urls {
        clock::eventually("the emulator is gone", || async {
            Ok(client.get(&url).await.is_err().then_some(()))
        })
        .await?;
    }
    Ok(())
}

async fn one_of_each(emulators: &Emulators) -> Result<()> {
    let clients = emulators.clients();
    let name = unique_name();
    clients.s3.create_bucket().bucket(&name).send().await?;
    let put = |text: &'static [u8]| {
        let put = clients.s3.put_object().bucket(&name).key("k");
        put.if_none_match("*").body(text.to_vec().into()).send()
    };
    put(b"1").await?;
    let again = put(b"2").await.err().context("412")?;
    let status = again.raw_response().map(|raw| raw.status().as_u16());
    ensure!(status == Some(412), "a second create answered {status:?}");

    let url = clients.create_queue(&name).await?;
    clients.send(&url, "hello").await?;
    let receive = clients.sqs.receive_message().queue_url(url);
    let received = receive.wait_time_seconds(5).send().await?;
    let message = received.messages().first();
    ensure!(message.and_then(|message| message.body()) == Some("hello"));

    let (from, to) = (format!("{name}@example.com"), format!("{name}@example.org"));
    let create = clients.ses.create_email_identity().email_identity(&from);
    create.send().await?;
    let text = |text: &str| Content::builder().data(text).build();
    let message = Message::builder()
        .subject(text("New lead: Zoë → Omar")?)
        .body(Body::builder().text(text("hello")?).build())
        .build();
    let send = clients.ses.send_email().from_email_address(&from);
    let send = send
        .destination(Destination::builder().to_addresses(&to).build())
        .content(EmailContent::builder().simple(message).build());
    send.send().await?;
    let mails = Mailbox::new(&emulators.mail, &to).mails().await?;
    let [mail] = mails.as_slice() else {
        anyhow::bail!("{mails:?}")
    };
    ensure!(mail.subject == "New lead: Zoë → Omar" && mail.from == from);
    Ok(())
}
