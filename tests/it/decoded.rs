//! A result looked at through FFmpeg's own command line, which shares nothing with the code under test but libraries.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// A picture of RGB, three bytes a pixel.
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<u8>,
}

impl Picture {
    /// The picture of a file at a time, at a size.
    pub fn at(path: &Path, seconds: f64, width: usize, height: usize) -> Self {
        let size = format!("scale={width}:{height}:flags=bicubic");
        let seconds = seconds.to_string();
        let file = path.to_string_lossy();
        // FFmpeg finds no picture in some stills once it is told to seek.
        let seek: &[&str] = if seconds == "0" { &[] } else { &["-ss", &seconds] };
        let picture = ["-i", &file, "-frames:v", "1", "-vf", &size, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"];
        let rgb = ffmpeg(&[seek, &picture].concat());
        assert_eq!(rgb.len(), width * height * 3, "no picture at {seconds} s");
        Self { width, height, rgb }
    }

    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let at = (y * self.width + x) * 3;
        self.rgb[at..at + 3].try_into().unwrap()
    }

    /// Whether a pixel is this colour, each channel within a tolerance.
    pub fn is(&self, x: usize, y: usize, colour: [u8; 3], tolerance: u8) -> bool {
        self.pixel(x, y).iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= tolerance)
    }

    /// A part of it, from a corner.
    pub fn part(&self, x: usize, y: usize, (width, height): (usize, usize)) -> Self {
        let rows = (y..y + height).map(|y| &self.rgb[(y * self.width + x) * 3..][..width * 3]);
        Self { width, height, rgb: rows.flatten().copied().collect() }
    }

    /// The mean of two pictures.
    pub fn mean(&self, other: &Self) -> Self {
        let rgb = self.rgb.iter().zip(&other.rgb).map(|(a, b)| ((u16::from(*a) + u16::from(*b)) / 2) as u8).collect();
        Self { width: self.width, height: self.height, rgb }
    }

    /// Peak signal-to-noise ratio over some rows, decibels.
    pub fn psnr(&self, other: &Self, rows: std::ops::Range<usize>) -> f64 {
        let span = rows.start * self.width * 3..rows.end * self.width * 3;
        let squares: f64 =
            self.rgb[span.clone()].iter().zip(&other.rgb[span.clone()]).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
        10.0 * (255.0 * 255.0 / (squares / span.len() as f64).max(1e-9)).log10()
    }

    pub fn brightness(&self) -> f64 {
        self.rgb.iter().map(|value| f64::from(*value)).sum::<f64>() / self.rgb.len() as f64
    }
}

/// The sound of a file: the left channel at 48 kHz.
pub fn sound(path: &Path) -> Vec<f32> {
    let bytes = ffmpeg(&["-i", &path.to_string_lossy(), "-map", "0:a", "-ac", "2", "-ar", "48000", "-f", "f32le", "-"]);
    bytes.chunks_exact(8).map(|pair| f32::from_le_bytes(pair[..4].try_into().unwrap())).collect()
}

/// The amplitude of one pitch within samples (Goertzel).
pub fn amplitude(samples: &[f32], hertz: f64) -> f64 {
    let step = hertz * std::f64::consts::TAU / 48_000.0;
    let (mut re, mut im) = (0.0, 0.0);
    for (index, sample) in samples.iter().enumerate() {
        let angle = step * index as f64;
        re += f64::from(*sample) * angle.cos();
        im += f64::from(*sample) * angle.sin();
    }
    2.0 * re.hypot(im) / samples.len() as f64
}

/// One fact of the first stream of a kind, by ffprobe's name.
pub fn probed(path: &Path, stream: &str, entry: &str) -> String {
    let arguments = [
        "-v",
        "error",
        "-count_frames",
        "-select_streams",
        stream,
        "-show_entries",
        &format!("stream={entry}"),
        "-of",
        "csv=p=0",
    ];
    let ran = Command::new("ffprobe").args(arguments).arg(path).output().expect("ffprobe");
    String::from_utf8_lossy(&ran.stdout).trim().trim_end_matches(',').to_owned()
}

/// Runs ffmpeg and returns what it writes.
pub fn ffmpeg(arguments: &[&str]) -> Vec<u8> {
    let ran = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("ffmpeg");
    assert!(ran.status.success(), "ffmpeg {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    ran.stdout
}
