//! Stills: PNG, JPEG and WebP, decoded in safe code with limits, scaled once; and the PNG and JPEG that we make.

use std::{
    collections::VecDeque,
    fs::File,
    io::{BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use fast_image_resize::{FilterType, pixels::U8x4};
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage, RgbaImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
    error::LimitErrorKind,
    imageops,
    metadata::Orientation,
};

use super::backdrop;
use crate::{
    domain::{
        look::Crop,
        output::{Format, Output, Quality},
    },
    media::{Excerpt, Form, Grid, GridMut, MediaError, Picture, Resampler, Sample, Window, touched},
};

/// The longest edge of a still.
const MAX_EDGE: u32 = 16_384;
/// The most memory that decoding one may take.
const MAX_BYTES: u64 = 512 << 20;

/// Stills of so many pixels are kept decoded where they had to be, to see whether they are opaque.
const KEPT_PIXELS: u64 = 1_000_000;

/// Pixels of all stills together that are kept as they were shown: two of 1080p.
const SHOWN_PIXELS: u64 = 4_200_000;

const WHOLE: Excerpt = Excerpt { part: (0.0, 0.0, 1.0, 1.0), within: (0.0, 0.0, 1.0, 1.0) };

/// A still that is decoded when it is seen.
pub struct Still {
    path: PathBuf,
    /// Upright, pixels.
    pub size: (u32, u32),
    pub opaque: bool,
    kept: Option<Arc<RgbaImage>>,
}

impl Still {
    /// Reads its head; the whole of it only where it has alpha.
    pub fn open(path: &Path) -> Result<Self, MediaError> {
        let mut decoder = decoder(path)?;
        let orientation = decoder.orientation().map_err(undecoded)?;
        let (width, height) = decoder.dimensions();
        let lies = matches!(
            orientation,
            Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
        );
        let size = if lies { (height, width) } else { (width, height) };
        if !decoder.color_type().has_alpha() {
            return Ok(Self { path: path.to_owned(), size, opaque: true, kept: None });
        }
        let pixels = read(path)?;
        let opaque = pixels.pixels().all(|pixel| pixel.0[3] == 255);
        let small = u64::from(width) * u64::from(height) <= KEPT_PIXELS;
        Ok(Self { path: path.to_owned(), size, opaque, kept: small.then(|| Arc::new(pixels)) })
    }

    /// Upright, with straight alpha.
    pub fn pixels(&self) -> Result<Arc<RgbaImage>, MediaError> {
        self.kept.clone().map_or_else(|| read(&self.path).map(Arc::new), Ok)
    }
}

fn read(path: &Path) -> Result<RgbaImage, MediaError> {
    let mut decoder = decoder(path)?;
    let orientation = decoder.orientation().map_err(undecoded)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(undecoded)?;
    image.apply_orientation(orientation);
    Ok(image.into_rgba8())
}

fn decoder(path: &Path) -> Result<impl ImageDecoder, MediaError> {
    let unread = |_| MediaError::Unsupported("the file cannot be read".into());
    let file = File::open(path).map_err(unread)?;
    let mut reader = ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(unread)?;
    match reader.format() {
        None => return Err(MediaError::Unsupported("the file is not a PNG, JPEG or WebP image".into())),
        Some(ImageFormat::Jpeg) if !is_whole_jpeg(path).map_err(unread)? => return Err(broken()),
        Some(_) => {}
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_EDGE);
    limits.max_image_height = Some(MAX_EDGE);
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    reader.into_decoder().map_err(undecoded)
}

fn undecoded(error: ImageError) -> MediaError {
    match error {
        ImageError::Limits(limit) => MediaError::TooLarge(match limit.kind() {
            LimitErrorKind::DimensionError => format!("the image is larger than {MAX_EDGE} pixels at one of its edges"),
            _ => "the image needs more memory than is allowed".into(),
        }),
        ImageError::Unsupported(_) => MediaError::Unsupported("the image is of a kind that is not supported".into()),
        _ => broken(),
    }
}

fn broken() -> MediaError {
    MediaError::Corrupt("the image is broken or cut short".into())
}

/// Whether a JPEG has its end (ITU-T T.81, B.1.1): its decoder fills with grey what is missing. What follows the end does not
/// matter: telephones put films there.
fn is_whole_jpeg(path: &Path) -> std::io::Result<bool> {
    let mut bytes = BufReader::new(File::open(path)?).bytes();
    let mut next = || bytes.next().transpose();
    while let Some(byte) = next()? {
        if byte != 0xff {
            continue; // Of a scan.
        }
        let mut marker = next()?;
        while marker == Some(0xff) {
            marker = next()?;
        }
        match marker {
            Some(0xd9) => return Ok(true),
            // Alone: what stands for a byte of a scan, a restart, and the start of all.
            Some(0x00 | 0x01 | 0xd0..=0xd8) => {}
            // Followed by its length, which counts itself; after the head of a scan comes the scan.
            Some(_) => {
                let length = [next()?, next()?].map(|byte| u16::from(byte.unwrap_or(0)));
                for _ in 2..(length[0] << 8 | length[1]) {
                    next()?;
                }
            }
            None => {}
        }
    }
    Ok(false)
}

/// Which part of a still is shown, and how large.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Showing {
    Part(Excerpt, (u32, u32)),
    /// All that is left by the crop, within a box over its own blurred copy that fills it.
    OverItsBlur(Crop, (u32, u32)),
}

/// Stills as they were shown last: one that comes again and again is decoded and scaled once.
#[derive(Default)]
pub struct Shown {
    /// The oldest first.
    last: VecDeque<(PathBuf, Showing, Arc<RgbaImage>)>,
}

impl Shown {
    pub fn get(&mut self, still: &Still, showing: Showing) -> Result<Arc<RgbaImage>, MediaError> {
        let is_it = |(path, shown, _): &(PathBuf, Showing, _)| *path == still.path && *shown == showing;
        if let Some(found) = self.last.iter().position(is_it).and_then(|at| self.last.remove(at)) {
            let image = found.2.clone();
            self.last.push_back(found);
            return Ok(image);
        }
        let pixels = still.pixels()?;
        let image = Arc::new(match showing {
            Showing::Part(excerpt, size) => scaled(&pixels, &excerpt, size)?,
            Showing::OverItsBlur(crop, size) => over_its_blur(&pixels, &crop, size)?,
        });
        self.last.push_back((still.path.clone(), showing, image.clone()));
        let pixels = |(.., image): &(PathBuf, Showing, Arc<RgbaImage>)| u64::from(image.width()) * u64::from(image.height());
        while self.last.iter().map(pixels).sum::<u64>() > SHOWN_PIXELS {
            self.last.pop_front();
        }
        Ok(image)
    }
}

/// Scales a part of a still to some size; by its alpha, or clear pixels would bleed their colour into the edges.
fn scaled(image: &RgbaImage, excerpt: &Excerpt, size: (u32, u32)) -> Result<RgbaImage, MediaError> {
    let (width, height) = (f64::from(image.width()), f64::from(image.height()));
    let Excerpt { part: (left, top, right, bottom), within } = excerpt;
    let (columns, rows) = (touched(image.width(), within.0, within.2), touched(image.height(), within.1, within.3));
    let ((x, y), across, down) = ((columns.start, rows.start), columns.end - columns.start, rows.end - rows.start);
    let window = Window {
        x: width * left - f64::from(x),
        y: height * top - f64::from(y),
        width: width * (right - left),
        height: height * (bottom - top),
    };
    let from = Grid { bytes: image.as_raw(), stride: image.width() as usize * 4, corner: (x, y), size: (across, down) };
    let mut part = RgbaImage::new(size.0, size.1);
    let stride = size.0 as usize * 4;
    Resampler::new(FilterType::CatmullRom).run::<U8x4>(from, &window, GridMut { bytes: &mut part, stride, size })?;
    Ok(part)
}

/// The still whole within a box, over its own blurred copy that fills the box.
fn over_its_blur(image: &RgbaImage, crop: &Crop, size: (u32, u32)) -> Result<RgbaImage, MediaError> {
    let cropped = crop.of((f64::from(image.width()), f64::from(image.height())));
    let (inner, part) = backdrop::places(cropped, size);
    let small = (size.0.div_ceil(backdrop::SMALLER).max(2), size.1.div_ceil(backdrop::SMALLER).max(2));
    let within = crop.unfold((0.0, 0.0, 1.0, 1.0));
    let mut back = scaled(image, &Excerpt { part: crop.unfold(part), within }, small)?;
    // As in scaling, what is clear has no colour to spread.
    premultiply(&mut back);
    let soft = imageops::blur(&back, (backdrop::sigma(size.1) / f64::from(backdrop::SMALLER)) as f32);
    let mut whole = imageops::resize(&soft, size.0, size.1, imageops::FilterType::Triangle);
    unpremultiply(&mut whole);
    if let Some(inner) = inner {
        let front = scaled(image, &Excerpt { part: within, within }, (inner.width as u32, inner.height as u32))?;
        imageops::overlay(&mut whole, &front, inner.x as i64, inner.y as i64);
    }
    Ok(whole)
}

/// Writes a picture as the still that an output asks for, at another width where one is given.
pub fn write<F: Form>(picture: &Picture<F>, output: &Output, at_width: Option<u32>, path: &Path) -> Result<(), MediaError> {
    let failed = |error: ImageError| match error {
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::StorageFull => MediaError::DiskFull,
        error => MediaError::Output(error.to_string()),
    };
    let (width, height) = (picture.width() as u32, picture.height() as u32);
    let mut image = image_of(picture)?;
    if let Some(wanted) = at_width.filter(|wanted| *wanted != width) {
        image = resized(image, (wanted, height_at(width, height, wanted)))?;
    }
    let mut file = BufWriter::new(File::create(path).map_err(|error| failed(ImageError::IoError(error)))?);
    match output.format {
        Format::Jpeg => {
            let quality = match output.quality {
                Quality::Draft => 60,
                Quality::Low => 70,
                Quality::Medium => 85,
                Quality::High => 95,
                Quality::Lossless => 100,
            };
            image.write_with_encoder(JpegEncoder::new_with_quality(&mut file, quality)).map_err(failed)?;
        }
        _ => image.write_with_encoder(PngEncoder::new(&mut file)).map_err(failed)?,
    }
    file.flush().map_err(|error| failed(ImageError::IoError(error)))
}

/// A picture in red, green and blue, and with alpha where it has it.
fn image_of<F: Form>(picture: &Picture<F>) -> Result<DynamicImage, MediaError> {
    let (width, height) = (picture.width() as u32, picture.height() as u32);
    let rgb = RgbImage::from_raw(width, height, picture.to_rgb()?)
        .ok_or_else(|| MediaError::Output("the picture has another size than it says".into()))?;
    if !picture.has_alpha() {
        return Ok(rgb.into());
    }
    let pixel = |x: u32, y: u32| {
        let [red, green, blue] = rgb.get_pixel(x, y).0;
        let alpha = picture.row(3, y as usize)[x as usize].int() >> F::Sample::FINER;
        image::Rgba([red, green, blue, alpha as u8])
    };
    Ok(RgbaImage::from_fn(width, height, pixel).into())
}

fn resized(image: DynamicImage, size: (u32, u32)) -> Result<DynamicImage, MediaError> {
    Ok(match image {
        DynamicImage::ImageRgba8(image) => scaled(&image, &WHOLE, size)?.into(),
        other => other.resize_exact(size.0, size.1, imageops::FilterType::CatmullRom),
    })
}

/// The height that keeps a picture's shape at another width.
pub fn height_at(width: u32, height: u32, wanted: u32) -> u32 {
    ((u64::from(height) * u64::from(wanted) + u64::from(width) / 2) / u64::from(width.max(1))).max(1) as u32
}

fn premultiply(image: &mut RgbaImage) {
    for pixel in image.pixels_mut() {
        let alpha = u16::from(pixel.0[3]);
        for value in &mut pixel.0[..3] {
            *value = ((u16::from(*value) * alpha + 127) / 255) as u8;
        }
    }
}

fn unpremultiply(image: &mut RgbaImage) {
    for pixel in image.pixels_mut() {
        let alpha = u16::from(pixel.0[3]);
        for value in &mut pixel.0[..3] {
            *value = (u16::from(*value) * 255 + alpha / 2).checked_div(alpha).unwrap_or(0).min(255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_last_is_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, width: u32| {
            let path = folder.path().join(name);
            RgbImage::from_pixel(width, 4, image::Rgb([9, 8, 7])).save(&path).unwrap();
            (Still::open(&path).unwrap(), path)
        };
        let (still, path) = file("a.png", 8);
        let (other, _) = file("b.png", 8);
        let whole = |size| Showing::Part(WHOLE, size);
        let mut shown = Shown::default();
        let first = shown.get(&still, whole((4, 2))).unwrap();
        std::fs::remove_file(path).unwrap();
        shown.get(&other, whole((4, 2))).unwrap();
        assert!(Arc::ptr_eq(&first, &shown.get(&still, whole((4, 2))).unwrap()));
        assert!(shown.get(&still, whole((8, 4))).is_err(), "another size is made of the file");
        // What is large takes the place of all others, and does not stay itself.
        shown.get(&other, whole((4_000, 2_000))).unwrap();
        assert!(shown.get(&still, whole((4, 2))).is_err());
    }

    #[test]
    fn the_blur_of_what_is_partly_clear_is_of_its_own_colours() {
        let half =
            RgbaImage::from_fn(64, 64, |x, _| if x < 32 { image::Rgba([255, 255, 255, 255]) } else { image::Rgba([0; 4]) });
        let seen = over_its_blur(&half, &Crop::default(), (128, 64)).unwrap();
        let covered: Vec<_> = seen.pixels().filter(|pixel| pixel.0[3] > 8).collect();
        assert!(covered.iter().any(|pixel| pixel.0[3] < 200), "its edge is soft");
        assert!(covered.iter().all(|pixel| pixel.0[0] > 235), "and white: {:?}", covered.iter().map(|pixel| pixel.0[0]).min());
    }
}
