//! A mail server whose certificate is one's own.

use super::server::{Script, Server};
use super::{mail, send};
use crate::mail::{SmtpAuthority, SmtpServer, SmtpUrl};
use crate::sample::sample;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// TLS from the first byte before a server: its URL, and the certificate that vouches for it.
async fn encrypted(server: &Server) -> (SmtpUrl, String) {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtps://{}", listener.local_addr().unwrap());
    let port = server.port();
    tokio::spawn(async move {
        while let Ok((stream, _peer)) = listener.accept().await {
            // Who does not trust us ends the connection.
            if let Ok(mut outer) = acceptor.accept(stream).await {
                let mut inner = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                tokio::spawn(async move { copy_bidirectional(&mut outer, &mut inner).await });
            }
        }
    });
    (SmtpUrl::parse(&url).unwrap(), own.cert.pem())
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_trusted_where_it_is_given_and_only_there() {
    let sample = sample();
    let server = Server::start(Script::default()).await;
    let (url, pem) = encrypted(&server).await;
    let strict = SmtpServer::from(url);
    let (outcome, text) = send(&sample.home.smtp(strict.clone()), &mail()).await;
    assert_eq!(outcome, "busy");
    assert!(text.contains("failed at TLS"), "{text}");
    assert!(server.received().is_empty());
    let trusting = SmtpServer {
        authority: Some(SmtpAuthority::parse(pem.as_bytes()).unwrap()),
        ..strict
    };
    let mailer = sample.home.smtp(trusting);
    for event in ["one", "two"] {
        let mail = super::mail_about(event);
        assert_eq!(send(&mailer, &mail).await.0, "accepted");
    }
    assert_eq!((server.received().len(), server.connections()), (2, 1));
}
