//! The demo: a real composition through the public API alone, with a progress bar, and what came of it.

#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use support::{api::Api, first_light, made, media};

#[tokio::main]
async fn main() {
    let base = std::env::var("REELGRAPH_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".into());
    let api = Api::new(&base);
    println!("Uploading two clips, a logo and music to {base}");
    let clips = [
        api.upload_file(&media("big_buck_bunny.mp4"), "video/mp4").await,
        api.upload_file(&media("sintel.mp4"), "video/mp4").await,
    ];
    let logo = api.upload("logo.png", "image/png", made::logo(320, 160)).await;
    let music = api.upload("music.wav", "audio/wav", made::music(15.0)).await;
    let id = api.create(first_light([&clips[0], &clips[1]], &logo, &music)).await;
    println!("Created {id}");
    follow(&api, &id).await;
    let job = api.job(&id).await;
    if job["status"] != "COMPLETED" {
        eprintln!("the job ended as {}: {:#}", job["status"], job["error"]);
        std::process::exit(1);
    }
    let path = save(&api, &job).await;
    report(&job, &path);
    println!("Playground  {base}/");
}

/// Shows the job's progress until it has ended.
async fn follow(api: &Api, id: &str) {
    let bar = ProgressBar::new(1_000);
    let style = ProgressStyle::with_template("{bar:40.cyan/blue} {msg}").expect("a template");
    bar.set_style(style);
    let mut socket = api.socket().await;
    let status = "subscription($id: ID!) { jobStatus(jobId: $id) { status progress step } }";
    let timeline = "subscription($id: ID!) { jobTimeline(jobId: $id) { step { step status duration } } }";
    socket.subscribe("status", status, json!({ "id": id })).await;
    socket.subscribe("timeline", timeline, json!({ "id": id })).await;
    loop {
        let message = socket.next().await;
        let data = &message["payload"]["data"];
        if let Some(event) = data.get("jobStatus") {
            let progress = event["progress"].as_f64().unwrap_or(0.0);
            bar.set_position((progress * 10.0) as u64);
            let step = event["step"].as_str().or(event["status"].as_str()).unwrap_or_default();
            bar.set_message(format!("{progress:5.1} %  {step}"));
            if ["COMPLETED", "FAILED", "CANCELLED"].iter().any(|end| event["status"] == *end) {
                bar.finish();
                return;
            }
        }
        let step = &data["jobTimeline"]["step"];
        if step["status"] == "COMPLETED" {
            let line = format!("  {:<12} {:>8.0} ms", step["step"].as_str().unwrap_or_default(), number(&step["duration"]));
            bar.println(line);
        }
    }
}

async fn save(api: &Api, job: &Value) -> PathBuf {
    let bytes = api.download(job["result"]["url"].as_str().expect("an address")).await;
    let folder = std::env::current_dir().expect("a folder").join("demo-out");
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("first-light.mp4");
    std::fs::write(&path, bytes).expect("written");
    path
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

fn report(job: &Value, path: &std::path::Path) {
    let result = &job["result"];
    println!();
    println!("{:<12} {:>10} {:>10} {:>7} {:>10}", "step", "time", "CPU", "CPU %", "memory");
    for step in job["timeline"].as_array().into_iter().flatten() {
        println!(
            "{:<12} {:>7.0} ms {:>7.0} ms {:>5.0} % {:>6.0} MiB",
            step["step"].as_str().unwrap_or_default(),
            number(&step["duration"]),
            number(&step["cpuTime"]),
            number(&step["cpuPercent"]),
            number(&step["peakMemory"]) / 1048576.0,
        );
    }
    println!();
    println!("File        {}", path.display());
    println!(
        "Contents    {:.3} s, {}×{}, {} frames at {} fps, {} and {} in {}, {:.1} MB, made at {:.1} times real time",
        number(&result["duration"]),
        result["width"],
        result["height"],
        result["frames"],
        result["frameRate"],
        result["videoCodec"].as_str().unwrap_or("no picture"),
        result["audioCodec"].as_str().unwrap_or("no sound"),
        result["container"].as_str().unwrap_or_default(),
        number(&result["size"]) / 1e6,
        number(&result["renderSpeed"]),
    );
}
