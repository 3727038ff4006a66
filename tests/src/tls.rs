//! TLS before a service that has none, as AWS has it: with a root of its own, for `AWS_CA_BUNDLE`.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

const HOST: &str = "127.0.0.1";

/// A front on a free port, until it is dropped.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    root: NamedTempFile,
    task: JoinHandle<()>,
}

impl TlsFront {
    /// Passes on to `upstream`, an `http://` address, what comes to it over TLS.
    ///
    /// # Errors
    /// No port or no file is to be had.
    pub async fn start(upstream: &str) -> Result<Self> {
        let upstream = upstream.strip_prefix("http://").context("plain HTTP")?;
        let own = rcgen::generate_simple_self_signed([HOST.to_owned()])?;
        let root = NamedTempFile::new()?;
        std::fs::write(root.path(), own.cert.pem())?;
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der());
        let key = key.map_err(anyhow::Error::msg)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)?;
        let listener = TcpListener::bind((HOST, 0)).await?;
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let task = tokio::spawn(accept(listener, acceptor, upstream.to_owned()));
        Ok(Self {
            address,
            root,
            task,
        })
    }

    /// `https://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The file with the root that vouches for it, in PEM.
    pub fn root(&self) -> &Path {
        self.root.path()
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, upstream: String) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _peer)) = listener.accept().await {
        let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
        connections.spawn(async move {
            // A peer that goes away, or does not trust us, ends its own connection.
            let mut inner = TcpStream::connect(upstream).await?;
            for stream in [&stream, &inner] {
                stream.set_nodelay(true)?;
            }
            let mut outer = acceptor.accept(stream).await?;
            copy_bidirectional(&mut outer, &mut inner).await
        });
        while connections.try_join_next().is_some() {}
    }
}
