//! What is heard: speed, direction, loudness, and what gives way to what.

use serde_json::{Value, json};

use crate::{
    decoded::{amplitude, ffmpeg, sound},
    outputs::made,
    rendering::clip,
    server::Server,
    support::{made, media},
};

/// What is heard of elements, as the left channel at 48 kHz.
async fn heard(server: &Server, elements: Value) -> Vec<f32> {
    let (_, path) = made(server, json!({ "format": "WAV" }), elements).await;
    sound(&path)
}

/// The part between two times, seconds.
fn between(samples: &[f32], from: f64, to: f64) -> &[f32] {
    &samples[(from * 48_000.0) as usize..(to * 48_000.0) as usize]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_trim_leaves_out_is_not_heard_however_long_the_element() {
    let server = Server::sqlite().await;
    let tone = server.api.upload("tone.wav", "audio/wav", made::tone(2.0, 440.0, 0.5)).await;
    for trims in [json!({ "trimEnd": 1 }), json!({ "trimEnd": 1, "speed": 0.5 })] {
        let mut audio = json!({ "source": { "asset": tone }, "length": 3 });
        audio.as_object_mut().unwrap().extend(trims.as_object().unwrap().clone());
        let samples = heard(&server, json!([{ "audio": audio }])).await;
        let end = if trims["speed"].is_null() { 1.0 } else { 2.0 };
        assert_eq!(samples.len(), 144_000);
        let loudest =
            |from: f64, to: f64| between(&samples, from, to).iter().fold(0.0, |most: f32, sample| most.max(sample.abs()));
        assert!(loudest(end - 0.3, end - 0.1) > 0.3 && loudest(end + 0.01, 3.0) < 0.001, "{trims}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trim_is_exact_where_the_file_rounds_its_times() {
    let server = Server::sqlite().await;
    let noise = ["-f", "lavfi", "-i", "anoisesrc=d=6:c=pink:seed=3:a=0.3"];
    let late = [&["-f", "lavfi", "-i", "testsrc2=s=64x36:r=25:d=6", "-itsoffset", "0.333"], &noise[..]].concat();
    for (name, arguments) in [
        ("noise.webm", [&noise[..], &["-c:a", "libopus"]].concat()),
        ("noise.mkv", [&noise[..], &["-ar", "44100", "-c:a", "flac"]].concat()),
        ("late.mkv", [&late[..], &["-c:a", "libopus"]].concat()),
    ] {
        let asset = clip(&server, name, &arguments).await;
        let audio = |more: Value| {
            let mut fields = json!({ "source": { "asset": asset }, "start": 0 });
            fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!([{ "audio": fields }])
        };
        let whole = heard(&server, audio(json!({}))).await;
        // Without pictures Matroska is sought into every five seconds.
        for seconds in [0.613, 1.313, 5.327] {
            let part = heard(&server, audio(json!({ "trimStart": seconds, "length": 0.5 }))).await;
            let from = (seconds * 48_000.0f64).round() as usize;
            let apart = |at: usize| (part[at] - whole[from + at]).abs();
            let most = (2_000..20_000).map(apart).fold(0.0, f32::max);
            assert!(most < 0.01, "{name} from {seconds} s: {most}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_speed_keeps_the_pitch() {
    let server = Server::sqlite().await;
    let tone = server.api.upload("tone.wav", "audio/wav", made::tone(2.0, 440.0, 0.5)).await;
    for (speed, samples) in [(2.0, 48_000), (0.25, 384_000)] {
        let elements = json!([{ "audio": { "source": { "asset": tone }, "speed": speed } }]);
        let (_, path) = made(&server, json!({ "format": "WAV" }), elements).await;
        let heard = sound(&path);
        assert!(heard.len().abs_diff(samples) <= 1, "{speed}: {}", heard.len());
        // In each part of a tenth: what lies over each other does not cancel itself for longer.
        let middle = &heard[samples / 4..samples / 4 + 24_000.min(samples / 2)];
        let (at_pitch, an_octave_up) = (amplitude(middle, 440.0), amplitude(middle, 880.0));
        assert!(at_pitch > 0.35 && an_octave_up < 0.1, "{speed}: {at_pitch} at 440 Hz, {an_octave_up} at 880 Hz");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_speed_stays_in_step() {
    const APART_S: f64 = 0.25;
    let server = Server::sqlite().await;
    let clicks = made::wav(6.0, |at| {
        let since = at % APART_S;
        let value = if since < 0.002 { (since * 1_000.0 * std::f64::consts::TAU).sin() * 0.8 } else { 0.0 };
        (value, value)
    });
    let clicks = server.api.upload("clicks.wav", "audio/wav", clicks).await;
    for speed in [2.0, 1.5, 0.5] {
        let samples = heard(&server, json!([{ "audio": { "source": { "asset": clicks }, "speed": speed } }])).await;
        let apart = APART_S / speed;
        // Each is moved by as much as it takes to continue what was before; on the whole they are where they belong.
        let late = (2..20).map(|number| {
            let (due, around) = (f64::from(number) * apart + 0.001, apart * 0.4);
            let heard = between(&samples, due - around, due + around);
            let energy = |(index, value): (usize, &f32)| (index as f64 / 48_000.0, f64::from(*value).powi(2));
            let (moment, all) = heard
                .iter()
                .enumerate()
                .map(energy)
                .fold((0.0, 1e-9), |(moment, all), (at, energy)| (moment + at * energy, all + energy));
            moment / all - around
        });
        let mean = late.sum::<f64>() / 18.0;
        assert!(mean.abs() < 0.008, "{speed}: {mean} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backwards_the_end_is_heard_first() {
    let server = Server::sqlite().await;
    let rising = made::wav(12.0, |at| {
        let value = (at * if at < 11.5 { 440.0 } else { 880.0 } * std::f64::consts::TAU).sin() * 0.4;
        (value, value)
    });
    let file = server.folder.path().join("rising.wav");
    std::fs::write(&file, rising).unwrap();
    let colour = ["-f", "lavfi", "-i", "color=red:size=160x90:rate=10:duration=12", "-i", &file.to_string_lossy(), "-c:a", "aac"];
    let picture = clip(&server, "rising.mp4", &colour).await;
    let elements = json!([{ "video": { "source": { "asset": picture }, "reverse": true } }]);
    let samples = heard(&server, elements).await;
    let (first, later) = (between(&samples, 0.1, 0.4), between(&samples, 0.6, 11.0));
    assert!(amplitude(first, 880.0) > 0.3 && amplitude(first, 440.0) < 0.05);
    assert!(amplitude(later, 440.0) > 0.3 && amplitude(later, 880.0) < 0.05, "without a break where its parts meet");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_is_brought_to_one_loudness() {
    let server = Server::sqlite().await;
    // BS.1770: a sine of 997 Hz in both channels is as many LUFS as its amplitude is decibels of full scale.
    // What is shorter than the blocks in which loudness is measured too.
    for (amplitude_in, seconds) in [(0.02, 3.0), (0.5, 3.0), (0.5, 0.2)] {
        let tone = server.api.upload("tone.wav", "audio/wav", made::tone(seconds, 997.0, amplitude_in)).await;
        let audio = json!({ "source": { "asset": tone }, "normalize": true, "loudness": -20, "volume": 0.5 });
        let samples = heard(&server, json!([{ "audio": audio }])).await;
        let found = amplitude(between(&samples, seconds / 3.0, seconds * 2.0 / 3.0), 997.0);
        let expected = 10f64.powf(-20.0 / 20.0) * 0.5;
        assert!((found / expected - 1.0).abs() < 0.02, "{amplitude_in}: {found} in place of {expected}");
    }
    // What is heard of it counts, and not what follows.
    let step = made::wav(6.0, |at| {
        let value = (at * 997.0 * std::f64::consts::TAU).sin() * if at < 3.0 { 0.01 } else { 0.5 };
        (value, value)
    });
    let step = server.api.upload("step.wav", "audio/wav", step).await;
    let audio = json!({ "source": { "asset": step }, "normalize": true, "loudness": -20, "length": 3 });
    let found = amplitude(between(&heard(&server, json!([{ "audio": audio }])).await, 1.0, 2.0), 997.0);
    assert!((found / 0.1 - 1.0).abs() < 0.02, "{found}");
    // Noise is as loud at another speed.
    let noise = server.api.upload("noise.wav", "audio/wav", noise(6.0, 0.3)).await;
    let mut levels = Vec::new();
    for speed in [1.0, 1.5, 0.7] {
        let audio = json!({ "source": { "asset": noise }, "normalize": true, "loudness": -25, "speed": speed });
        let samples = heard(&server, json!([{ "audio": audio }])).await;
        let power: f64 = between(&samples, 1.0, 3.0).iter().map(|value| f64::from(*value).powi(2)).sum();
        levels.push(10.0 * power.log10());
    }
    assert!(levels.iter().all(|level| (level - levels[0]).abs() < 0.3), "{levels:?}");
}

/// White noise up to an amplitude.
fn noise(seconds: f64, amplitude: f64) -> Vec<u8> {
    let state = std::cell::Cell::new(0x2545_f491_4f6c_dd1d_u64);
    made::wav(seconds, |_| {
        let mut next = state.get();
        for shift in [(13, true), (7, false), (17, true)] {
            next ^= if shift.1 { next << shift.0 } else { next >> shift.0 };
        }
        state.set(next);
        let value = ((next >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0) * amplitude;
        (value, value)
    })
}

/// The largest value of what a player makes of a file, decibels of full scale: at four times the rate.
fn true_peak(path: &std::path::Path) -> f64 {
    true_peak_at(path, 192_000)
}

fn true_peak_at(path: &std::path::Path, rate: u32) -> f64 {
    let resample = format!("aresample={rate}");
    let bytes = ffmpeg(&["-i", &path.to_string_lossy(), "-map", "0:a", "-af", &resample, "-f", "f32le", "-"]);
    let most = bytes.chunks_exact(4).map(|value| f32::from_le_bytes(value.try_into().unwrap()).abs()).fold(0.0, f32::max);
    20.0 * f64::from(most).log10()
}

#[tokio::test(flavor = "multi_thread")]
async fn however_loud_what_a_player_hears_is_below_the_limit() {
    let server = Server::sqlite().await;
    let film = json!({ "asset": server.api.upload_file(&media("sintel.mp4"), "video/mp4").await });
    // Square waves, of which encoders that lose something make the highest peaks.
    let square = made::wav(4.0, |at| {
        let value = if (at * 220.0).fract() < 0.5 { 0.9 } else { -0.9 };
        (value, (at * 440.0 * std::f64::consts::TAU).sin() * 0.98 + (at * 3_000.0 * std::f64::consts::TAU).sin() * 0.4)
    });
    let square = json!({ "asset": server.api.upload("square.wav", "audio/wav", square).await });
    // What begins at once, high, and what is in all places between samples.
    let onset = made::wav(1.0, |at| {
        let value = if at < 0.3 { 0.0 } else { (at * 12_000.0 * std::f64::consts::TAU + 0.785).sin() * 0.9 };
        (value, value)
    });
    for (name, sound) in [("onset.wav", onset), ("noise.wav", noise(2.0, 0.9))] {
        let source = json!({ "asset": server.api.upload(name, "audio/wav", sound).await });
        let elements = json!([{ "audio": { "source": source, "volume": 4 } }]);
        let path = made(&server, json!({ "format": "WAV" }), elements).await.1;
        let peaks = [192_000, 768_000].map(|rate| true_peak_at(&path, rate));
        assert!(peaks.iter().all(|peak| (-4.0..-1.0).contains(peak)), "{name}: {peaks:?} dB");
    }
    let small = |format: &str| json!({ "format": format, "width": 64, "height": 64, "frameRate": 10 });
    for output in [json!({ "format": "WAV" }), json!({ "format": "MP3" }), small("MP4"), small("WEBM")] {
        for (source, volume) in [(&film, 4.0), (&square, 1.0)] {
            let elements = json!([{ "audio": { "source": source, "volume": volume, "length": 4 } }]);
            let peak = true_peak(&made(&server, output.clone(), elements).await.1);
            assert!((-4.0..-1.0).contains(&peak), "{peak} dB in {output}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn music_is_lower_while_others_sound() {
    let server = Server::sqlite().await;
    let music = server.api.upload("music.wav", "audio/wav", made::tone(4.0, 330.0, 0.4)).await;
    let voice = server.api.upload("voice.wav", "audio/wav", made::tone(1.0, 880.0, 0.4)).await;
    let elements = json!([
        { "audio": { "source": { "asset": music }, "duckUnder": true, "start": 0, "track": 0 } },
        { "audio": { "source": { "asset": voice }, "start": 1, "track": 1 } },
    ]);
    let samples = heard(&server, elements.clone()).await;
    let music = |from, to| amplitude(between(&samples, from, to), 330.0);
    assert!((music(0.2, 0.8) - 0.4).abs() < 0.01, "{}", music(0.2, 0.8));
    assert!((music(1.5, 1.9) - 0.1).abs() < 0.01, "{}", music(1.5, 1.9));
    assert!(music(3.5, 3.9) > 0.37, "{}", music(3.5, 3.9));
    assert!(amplitude(between(&samples, 1.2, 1.8), 880.0) > 0.39, "the voice is as loud as ever");
    // A part of it is that part: while the voice is there, and right after it.
    for start in [1.4, 2.1] {
        let output = json!({ "format": "WAV", "range": { "start": start, "length": 0.5 } });
        let (_, path) = made(&server, output, elements.clone()).await;
        let part = sound(&path);
        let whole = between(&samples, start, start + 0.5);
        assert_eq!(part.len(), whole.len());
        let furthest = part.iter().zip(whole).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(furthest < 0.001, "from {start} s: {furthest}");
    }
}
