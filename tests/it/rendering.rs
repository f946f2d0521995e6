//! Real compositions, decoded and looked at.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{
    decoded::{Picture, amplitude, ffmpeg, probed, sound},
    server::Server,
    support::{first_light, made, media},
};

/// Renders a job and saves its result.
pub async fn render(server: &Server, input: Value) -> (Value, PathBuf) {
    let id = server.api.create(input).await;
    let job = server.api.finished(&id).await;
    assert_eq!(job["status"], "COMPLETED", "{job:#}");
    let path = server.folder.path().join(format!("{id}.mp4"));
    std::fs::write(&path, server.api.download(job["result"]["url"].as_str().unwrap()).await).unwrap();
    (job, path)
}

/// A clip made by ffmpeg from its own sources, as an asset.
pub async fn clip(server: &Server, name: &str, arguments: &[&str]) -> String {
    let path = server.folder.path().join(name);
    let to = path.to_string_lossy().into_owned();
    ffmpeg(&[arguments, &[to.as_str()]].concat());
    server.api.upload_file(&path, "video/mp4").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_light_composition_is_what_it_says() {
    let server = Server::sqlite().await;
    let (bunny, sintel) = (media("big_buck_bunny.mp4"), media("sintel.mp4"));
    let clips = [server.api.upload_file(&bunny, "video/mp4").await, server.api.upload_file(&sintel, "video/mp4").await];
    let logo = server.api.upload("logo.png", "image/png", made::logo(320, 160)).await;
    let music = server.api.upload("music.wav", "audio/wav", made::music(15.0)).await;
    let (job, path) = render(&server, first_light([&clips[0], &clips[1]], &logo, &music)).await;
    the_container_is_right(&job, &path);
    the_clips_are_where_they_should_be(&path, &bunny, &sintel);
    the_logo_and_the_title_lie_over_them(&path, &bunny);
}

fn the_container_is_right(job: &Value, path: &Path) {
    let result = &job["result"];
    assert_eq!((result["frames"].as_i64(), result["duration"].as_f64()), (Some(450), Some(15.0)));
    assert_eq!(probed(path, "v:0", "nb_read_frames"), "450");
    assert_eq!(
        probed(path, "v:0", "codec_name,width,height,pix_fmt,color_space,r_frame_rate"),
        "h264,1280,720,yuv420p,bt709,30/1"
    );
    assert_eq!(probed(path, "a:0", "codec_name,sample_rate,channels"), "aac,48000,2");
    let bytes = std::fs::read(path).unwrap();
    let place = |name: &[u8]| bytes.windows(4).position(|window| window == name).expect("a box");
    assert!(place(b"moov") < place(b"mdat"), "the index comes first, so that it plays while it downloads");
}

fn the_clips_are_where_they_should_be(path: &Path, bunny: &Path, sintel: &Path) {
    // Below the logo, and away from the title's time.
    let rows = 130..360;
    let at = |path: &Path, seconds| Picture::at(path, seconds, 640, 360);
    let frame = 0.5 / 30.0;
    assert!(at(path, 5.0 + frame).psnr(&at(bunny, 5.0 + frame), rows.clone()) > 32.0);
    assert!(at(path, 11.0 + frame).psnr(&at(sintel, 4.0 + frame), rows.clone()) > 32.0);
    assert!(at(path, 11.0 + frame).psnr(&at(bunny, 5.0 + frame), rows.clone()) < 20.0, "the two differ");
    let middle = at(bunny, 7.5 + frame).mean(&at(sintel, 0.5 + frame));
    assert!(at(path, 7.5 + frame).psnr(&middle, rows) > 30.0, "half of each in the middle of the cross-fade");
}

fn the_logo_and_the_title_lie_over_them(path: &Path, bunny: &Path) {
    // 160×80 from its upper right corner at (1248, 32), 0.9 of it over the clip.
    let picture = Picture::at(path, 5.0, 1280, 720);
    let [red, green, blue] = picture.pixel(1110, 72);
    assert!(red > 200 && (70..150).contains(&green) && blue < 60, "orange: {red} {green} {blue}");
    let [red, _, blue] = picture.pixel(1170, 72);
    assert!(red > 200 && blue > 200, "the white triangle");
    let title = Picture::at(path, 1.5, 1280, 720);
    let white = |picture: &Picture| {
        (280..440).flat_map(|y| (300..980).map(move |x| (x, y))).filter(|(x, y)| picture.is(*x, *y, [255; 3], 12)).count()
    };
    // The clip has white of its own: what counts is what the title adds, while it shows.
    let of_clip = |seconds| white(&Picture::at(bunny, seconds, 1280, 720));
    assert!(white(&title) > of_clip(1.5) + 2_000, "{} over {}", white(&title), of_clip(1.5));
    assert!(white(&picture).abs_diff(of_clip(5.0)) < 500, "{} and {}", white(&picture), of_clip(5.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sounds_are_mixed_at_their_levels_and_fade() {
    let server = Server::sqlite().await;
    let source = [
        "-f",
        "lavfi",
        "-i",
        "color=c=gray:s=320x180:r=25:d=4",
        "-f",
        "lavfi",
        "-i",
        "aevalsrc=0.5*sin(2*PI*880*t):s=44100:d=4",
        "-shortest",
    ];
    let clip = clip(&server, "tone.mp4", &source).await;
    let music = server.api.upload("low.wav", "audio/wav", made::tone(4.0, 220.0, 0.8)).await;
    let input = json!({
        "outputs": { "width": 320, "height": 180, "duration": 4 },
        "elements": [
            { "video": { "source": { "asset": clip }, "volume": 0.5 } },
            { "audio": { "source": { "asset": music }, "volume": 0.25, "fadeOut": 1 } },
        ],
    });
    let (_, path) = render(&server, input).await;
    let samples = sound(&path);
    assert!((samples.len() as i64 - 4 * 48_000).abs() <= 1_024, "{}", samples.len());
    let middle = &samples[48_000..96_000];
    assert!((amplitude(middle, 880.0) - 0.25).abs() < 0.02, "{}", amplitude(middle, 880.0));
    assert!((amplitude(middle, 220.0) - 0.2).abs() < 0.02, "{}", amplitude(middle, 220.0));
    let fading = &samples[164_400..171_600];
    assert!((amplitude(fading, 220.0) - 0.1).abs() < 0.02, "half way down: {}", amplitude(fading, 220.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn picture_and_sound_stay_together() {
    let server = Server::sqlite().await;
    // White and loud from 2.0 s on; 24 frames a second, rendered at 30, from 1.5 s of the timeline.
    let picture = "color=c=black:s=320x180:r=24:d=4,drawbox=c=white:t=fill:enable='gte(t,2)'";
    let beep = "aevalsrc='0.5*sin(2*PI*1000*t)*gte(t,2)':s=48000:d=4";
    let clip = clip(&server, "flash.mp4", &["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", beep, "-shortest"]).await;
    let input = json!({
        "outputs": { "width": 320, "height": 180, "frameRate": 30 },
        "elements": [{ "video": { "source": { "asset": clip }, "start": 1.5, "trimStart": 0.5 } }],
    });
    let (job, path) = render(&server, input).await;
    assert_eq!(job["result"]["frames"], 150);
    let frames = ffmpeg(&["-i", &path.to_string_lossy(), "-vf", "scale=16:9", "-f", "rawvideo", "-pix_fmt", "gray", "-"]);
    let flash = frames.chunks_exact(16 * 9).position(|frame| frame[72] > 128).expect("a flash") as f64 / 30.0;
    let beep = sound(&path).iter().position(|sample| sample.abs() > 0.05).expect("a beep") as f64 / 48_000.0;
    assert!((flash - 3.0).abs() < 0.017, "the flash is at {flash} s");
    assert!((beep - 3.0).abs() < 0.003, "the beep is at {beep} s");
    assert!((flash - beep).abs() < 0.020);
}

#[tokio::test(flavor = "multi_thread")]
async fn boxes_lie_where_they_are_placed() {
    let server = Server::sqlite().await;
    let colour = async |name: &str, pixel| server.api.upload(name, "image/png", made::plain(100, 100, pixel)).await;
    let (red, green, half) = (
        colour("r.png", [255, 0, 0, 255]).await,
        colour("g.png", [0, 255, 0, 255]).await,
        colour("h.png", [255, 255, 255, 128]).await,
    );
    let input = json!({
        "outputs": { "width": 400, "height": 300, "duration": 0.2, "background": "#0000ff", "crf": 10 },
        "elements": [
            { "image": { "source": { "asset": red }, "x": 0, "y": 0, "width": 100, "height": 50, "anchor": "TOP_LEFT", "fit": "FILL" } },
            { "image": { "source": { "asset": green }, "x": "100%", "y": "100%", "width": "50%", "height": "20%", "anchor": "BOTTOM_RIGHT", "fit": "CONTAIN" } },
            { "image": { "source": { "asset": half }, "width": 100, "height": 100 } },
        ],
    });
    let (job, path) = render(&server, input).await;
    assert_eq!(job["result"]["frames"], 6);
    let picture = Picture::at(&path, 0.0, 400, 300);
    for (x, y, colour) in [
        (50, 25, [255, 0, 0]),
        (96, 46, [255, 0, 0]),
        (104, 25, [0, 0, 255]),
        (50, 54, [0, 0, 255]),
        // A square of 60 in the middle of a box of 200×60 in the lower right corner.
        (300, 270, [0, 255, 0]),
        (274, 244, [0, 255, 0]),
        (264, 270, [0, 0, 255]),
        (300, 236, [0, 0, 255]),
        // Half of white over blue, in the middle of the canvas.
        (200, 150, [128, 128, 255]),
        (154, 104, [128, 128, 255]),
        (146, 150, [0, 0, 255]),
    ] {
        assert!(picture.is(x, y, colour, 10), "({x}, {y}) is {:?}, not {colour:?}", picture.pixel(x, y));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn durations_are_right_to_the_frame_at_ntsc_rates() {
    let server = Server::sqlite().await;
    for (rate, frames) in [(23.976, "48"), (29.97, "60"), (59.94, "120"), (12.5, "25")] {
        let input = json!({
            "outputs": { "width": 64, "height": 64, "frameRate": rate, "duration": 2.002 },
            "elements": [{ "text": { "text": "x" } }],
        });
        let (_, path) = render(&server, input).await;
        assert_eq!(probed(&path, "v:0", "nb_read_frames"), frames, "at {rate}");
    }
}
