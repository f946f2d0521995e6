//! Media that the project makes itself.

use std::{f64::consts::TAU, io::Cursor};

use image::{ImageFormat, Rgba, RgbaImage};

const RATE: u32 = 48_000;

/// A WAV file of 16 bits and 48 kHz; `sample` gives left and right at a time.
pub fn wav(seconds: f64, sample: impl Fn(f64) -> (f64, f64)) -> Vec<u8> {
    let count = (seconds * f64::from(RATE)) as u32;
    let bytes = count * 4;
    let mut out = Vec::with_capacity(44 + bytes as usize);
    out.extend(b"RIFF");
    out.extend((36 + bytes).to_le_bytes());
    out.extend(b"WAVEfmt ");
    out.extend(16u32.to_le_bytes());
    out.extend(1u16.to_le_bytes());
    out.extend(2u16.to_le_bytes());
    out.extend(RATE.to_le_bytes());
    out.extend((RATE * 4).to_le_bytes());
    out.extend(4u16.to_le_bytes());
    out.extend(16u16.to_le_bytes());
    out.extend(b"data");
    out.extend(bytes.to_le_bytes());
    for index in 0..count {
        let (left, right) = sample(f64::from(index) / f64::from(RATE));
        for value in [left, right] {
            out.extend(((value.clamp(-1.0, 1.0) * 32_767.0) as i16).to_le_bytes());
        }
    }
    out
}

/// A tone of one pitch and amplitude in both channels.
pub fn tone(seconds: f64, hertz: f64, amplitude: f64) -> Vec<u8> {
    wav(seconds, |at| {
        let value = (at * hertz * TAU).sin() * amplitude;
        (value, value)
    })
}

/// Four chords, each for a bar of two seconds, plucked on every beat.
pub fn music(seconds: f64) -> Vec<u8> {
    const CHORDS: [[f64; 3]; 4] =
        [[220.0, 261.63, 329.63], [174.61, 220.0, 261.63], [261.63, 329.63, 392.0], [196.0, 246.94, 293.66]];
    wav(seconds, |at| {
        let chord = CHORDS[(at / 2.0) as usize % 4];
        let beat = at % 0.5;
        let decay = (-3.0 * beat).exp();
        let note = |hertz: f64| (at * hertz * TAU).sin() + 0.3 * (at * hertz * 2.0 * TAU).sin();
        let bass = (at * chord[0] / 2.0 * TAU).sin() * 0.5;
        let left = (note(chord[0]) + note(chord[1])) * decay + bass;
        let right = (note(chord[1]) + note(chord[2])) * decay + bass;
        (left * 0.2, right * 0.2)
    })
}

/// A PNG: an orange disc on nothing, with a white triangle on it.
pub fn logo(width: u32, height: u32) -> Vec<u8> {
    let (rx, ry) = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    png(&RgbaImage::from_fn(width, height, |x, y| {
        let (dx, dy) = ((f64::from(x) + 0.5 - rx) / rx, (f64::from(y) + 0.5 - ry) / ry);
        let in_triangle = dx > -0.25 && dx < 0.45 && dy.abs() < (0.45 - dx) * 0.7;
        match dx * dx + dy * dy <= 1.0 {
            true if in_triangle => Rgba([255, 255, 255, 255]),
            true => Rgba([255, 96, 0, 255]),
            false => Rgba([0, 0, 0, 0]),
        }
    }))
}

/// A PNG of one colour.
pub fn plain(width: u32, height: u32, pixel: [u8; 4]) -> Vec<u8> {
    png(&RgbaImage::from_pixel(width, height, Rgba(pixel)))
}

/// A PNG of upright black and white stripes, a pixel wide each.
pub fn stripes(width: u32, height: u32) -> Vec<u8> {
    png(&RgbaImage::from_fn(width, height, |x, _| {
        let grey = if x % 2 == 0 { 0 } else { 255 };
        Rgba([grey, grey, grey, 255])
    }))
}

fn png(image: &RgbaImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).expect("a PNG");
    bytes.into_inner()
}
