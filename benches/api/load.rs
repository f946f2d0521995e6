//! Requests sent as fast as they are answered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use reqwest::Client;

/// Posts a body from some clients at once for a while; how many answers a second came. Each must be free of errors.
pub async fn answers_per_second(
    url: &str,
    body: impl Fn(u64) -> String + Send + Sync + 'static,
    clients: usize,
    time: Duration,
) -> f64 {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().expect("a client");
    let (count, body, started) = (Arc::new(AtomicU64::new(0)), Arc::new(body), Instant::now());
    let one = |client: usize| {
        let (http, url, count, body) = (http.clone(), url.to_owned(), count.clone(), body.clone());
        tokio::spawn(async move {
            let mut number = client as u64;
            while started.elapsed() < time {
                let request = http.post(&url).header("content-type", "application/json").body(body(number));
                let answer = request.send().await.expect("an answer").text().await.expect("a body");
                assert!(!answer.contains("\"errors\""), "{}", &answer[..answer.len().min(2_000)]);
                number += clients as u64;
                count.fetch_add(1, Relaxed);
            }
        })
    };
    let running: Vec<_> = (0..clients).map(one).collect();
    for client in running {
        client.await.expect("a client");
    }
    count.load(Relaxed) as f64 / started.elapsed().as_secs_f64()
}
