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
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::http::accept;

const HOST: &str = "127.0.0.1";

/// A front on a free port, until it is dropped.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    root: NamedTempFile,
    _task: JoinSet<()>,
}

impl TlsFront {
    /// Passes on to `upstream`, an `http://` address, what comes to it over TLS.
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
        let (acceptor, upstream) = (TlsAcceptor::from(Arc::new(config)), upstream.to_owned());
        let mut task = JoinSet::new();
        task.spawn(accept(listener, move |stream| {
            converse(stream, acceptor.clone(), upstream.clone())
        }));
        Ok(Self {
            address,
            root,
            _task: task,
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

/// A peer that goes away, or does not trust us, ends its own connection.
async fn converse(stream: TcpStream, acceptor: TlsAcceptor, upstream: String) -> Result<()> {
    let mut inner = TcpStream::connect(upstream).await?;
    for stream in [&stream, &inner] {
        stream.set_nodelay(true)?;
    }
    let mut outer = acceptor.accept(stream).await?;
    copy_bidirectional(&mut outer, &mut inner).await?;
    Ok(())
}
