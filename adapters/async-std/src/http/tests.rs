//! What only an async driver can be asked: to be dropped in the middle of a request.

use std::future::{Future, poll_fn};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::Poll;
use std::thread;

use azlatch_core::effect::Proxy;

use super::*;
use crate::runtime::block_on;

/// Answers every GET with its path, once `go` says so; tells when one has arrived.
fn server(arrived: mpsc::Sender<String>, go: fn(&str) -> bool) -> (SocketAddr, &'static AtomicUsize) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let connections: &'static AtomicUsize = Box::leak(Box::default());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            connections.fetch_add(1, Ordering::SeqCst);
            let arrived = arrived.clone();
            thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().expect("a socket")).lines();
                while let Some(Ok(line)) = lines.next() {
                    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
                    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                    let _ = arrived.send(path.clone());
                    if go(&path) {
                        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", path.len());
                        let _ = (&stream).write_all(format!("{head}{path}").as_bytes());
                    }
                }
            });
        }
    });
    (address, connections)
}

fn get(address: SocketAddr, path: &str) -> Http {
    let mut ask = Http::get(format!("http://{address}{path}"), 100, Duration::from_secs(10));
    ask.proxy = Proxy::Never;
    ask
}

#[test]
fn a_dropped_request_takes_its_connection_along() {
    let (arrived, arriving) = mpsc::channel();
    let (address, connections) = server(arrived, |path| path != "/silence");
    let client = Client::new(Vec::new(), ProxySettings::none());
    let answered = |path: &str| {
        let response = block_on(client.send(&get(address, path))).expect("a response");
        assert_eq!(response.body.expose_secret(), path.as_bytes());
        assert_eq!(arriving.recv().as_deref(), Ok(path));
    };
    answered("/one");
    answered("/two");
    assert_eq!(connections.load(Ordering::SeqCst), 1, "it was kept");
    {
        let ask = get(address, "/silence");
        let mut sending = pin!(client.send(&ask));
        block_on(poll_fn(|cx| match arriving.try_recv() {
            Ok(_) => Poll::Ready(()),
            Err(_) => {
                assert!(sending.as_mut().poll(cx).is_pending());
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }));
    }
    answered("/three");
    assert_eq!(connections.load(Ordering::SeqCst), 2, "a new one, not the one that still owes an answer");
    answered("/four");
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[test]
fn few_connections_are_kept() {
    let (arrived, _arriving) = mpsc::channel();
    let (address, _) = server(arrived, |_| true);
    let client = Client::new(Vec::new(), ProxySettings::none());
    let origin = Origin { secure: false, host: "127.0.0.1".into(), port: address.port(), proxied: false };
    let mut channels = Vec::new();
    for _ in 0..8 {
        let opening = connect::open(&origin, None, &client.roots, CONNECT);
        channels.push(block_on(opening).expect("a connection"));
    }
    block_on(async {
        for channel in channels {
            client.pool.put(origin.clone(), channel).await;
        }
        let mut kept = 0;
        while client.pool.take(&origin).await.is_some() {
            kept += 1;
        }
        assert_eq!(kept, 4);
        let elsewhere = Origin { proxied: true, ..origin.clone() };
        client.pool.put(elsewhere, connect::open(&origin, None, &client.roots, CONNECT).await.expect("one")).await;
        assert!(client.pool.take(&origin).await.is_none(), "another way is another connection");
    });
}
