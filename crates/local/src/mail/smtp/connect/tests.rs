use super::{alternate, connect_first};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// An address that swallows what is sent to it: a listener nobody accepts at, whose queue is full. Linux then drops the packets that would
/// open a connection, as a firewall or a route into nowhere does.
struct Dead {
    address: SocketAddr,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl Dead {
    async fn at(ip: &str) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(format!("{ip}:0").parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap().into_std().unwrap();
        let address = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        while let Ok(connected) =
            timeout(Duration::from_millis(200), TcpStream::connect(address)).await
        {
            queue.push(connected.unwrap());
        }
        Self {
            address,
            _listener: listener,
            _queue: queue,
        }
    }
}

#[tokio::test]
async fn an_address_that_swallows_everything_costs_300_ms_and_not_the_mail() {
    let dead = Dead::at("127.0.0.2").await;
    let living = TcpListener::bind("127.0.0.1:0").unwrap();
    let living = living.local_addr().unwrap();
    let began = Instant::now();
    let stream = connect_first(vec![dead.address, living]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), living);
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn an_address_that_refuses_costs_no_time() {
    // Bound, so that the port is nobody else's, and not listening.
    let bound = tokio::net::TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let refusing = bound.local_addr().unwrap();
    let living = TcpListener::bind("127.0.0.1:0").unwrap();
    let living = living.local_addr().unwrap();
    let stream = connect_first(vec![refusing, living]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), living);
    let failed = connect_first(vec![refusing, refusing]).await.unwrap_err();
    assert_eq!(failed.kind(), std::io::ErrorKind::ConnectionRefused);
    let none = connect_first(Vec::new()).await.unwrap_err();
    assert_eq!(none.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn the_families_of_addresses_take_turns_in_the_order_of_the_system() {
    let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
        let texts = texts.iter();
        texts.map(|text| text.parse().unwrap()).collect()
    };
    for (found, expected) in [
        (
            ["[::1]:1", "[::2]:1", "1.1.1.1:1", "2.2.2.2:1"],
            ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1"],
        ),
        (
            ["1.1.1.1:1", "[::1]:1", "[::2]:1", "[::3]:1"],
            ["1.1.1.1:1", "[::1]:1", "[::2]:1", "[::3]:1"],
        ),
        (
            ["1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1", "[::1]:1"],
            ["1.1.1.1:1", "[::1]:1", "2.2.2.2:1", "3.3.3.3:1"],
        ),
    ] {
        assert_eq!(alternate(addresses(&found)), addresses(&expected));
    }
}
