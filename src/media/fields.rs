//! Interlaced pictures: two fields of every other row, half a picture's time apart, woven into one.
//!
//! Each is made a picture of its own. Rows that a field lacks come from the fields right before and after it where nothing moves,
//! and from its own rows, along edges, where something does (the method of Niedermayer's "yadif": the value along the edge, held
//! within what the neighbours in time allow).

use std::{collections::VecDeque, sync::Arc};

use ffmpeg_next::{ffi, frame};

use super::{Decoded, MediaError};

/// How far to the side edges are looked for, pixels.
const REACH: i32 = 2;

/// One field of an interlaced picture, and the pictures beside it.
pub struct Field {
    before: Arc<frame::Video>,
    after: Arc<frame::Video>,
    /// Whether the picture's first row is of this field.
    has_first_row: bool,
    is_second: bool,
}

/// Takes pictures in order, and gives two for each that is interlaced.
#[derive(Default)]
pub struct Splitter {
    before: Option<Arc<frame::Video>>,
    /// Waits for the one after it.
    held: Option<Decoded>,
    ready: VecDeque<Decoded>,
}

impl Splitter {
    pub fn take_ready(&mut self) -> Option<Decoded> {
        self.ready.pop_front()
    }

    /// The next picture of the file.
    pub fn put(&mut self, picture: Decoded) {
        if let Some(held) = self.held.take() {
            let after = picture.frame.clone();
            self.split(held, &after);
        }
        match can_split(&picture.frame) {
            true => self.held = Some(picture),
            false => {
                self.before = Some(picture.frame.clone());
                self.ready.push_back(picture);
            }
        }
    }

    /// There is none after the last.
    pub fn end(&mut self) {
        if let Some(held) = self.held.take() {
            let after = held.frame.clone();
            self.split(held, &after);
        }
    }

    fn split(&mut self, picture: Decoded, after: &Arc<frame::Video>) {
        let Decoded { frame, at, duration, .. } = picture;
        let beside = |other: &Arc<frame::Video>| if is_alike(other, &frame) { other.clone() } else { frame.clone() };
        let (before, after) = (self.before.as_ref().map_or_else(|| frame.clone(), beside), beside(after));
        for is_second in [false, true] {
            let has_first_row = frame.is_top_first() != is_second;
            let field = Field { before: before.clone(), after: after.clone(), has_first_row, is_second };
            let (half, frame) = (duration / 2.0, frame.clone());
            let at = if is_second { at + half } else { at };
            self.ready.push_back(Decoded { frame, at, duration: half, field: Some(field) });
        }
        self.before = Some(frame);
    }
}

fn is_alike(one: &frame::Video, other: &frame::Video) -> bool {
    (one.format(), one.width(), one.height()) == (other.format(), other.width(), other.height())
}

/// Bytes of a sample, where a picture's samples lie in planes of their own, as numbers of this machine.
fn sample_bytes(frame: &frame::Video) -> Option<usize> {
    // SAFETY: a constant of FFmpeg's, or null.
    let format = unsafe { ffi::av_pix_fmt_desc_get(frame.format().into()).as_ref() }?;
    let planes = frame.planes();
    let other = ffi::AV_PIX_FMT_FLAG_BE | ffi::AV_PIX_FMT_FLAG_PAL | ffi::AV_PIX_FMT_FLAG_FLOAT | ffi::AV_PIX_FMT_FLAG_HWACCEL;
    let is_planar = planes == usize::from(format.nb_components) && format.flags & u64::from(other as u32) == 0;
    let depth = format.comp[0].depth;
    (is_planar && cfg!(target_endian = "little")).then_some(if depth > 8 { 2 } else { 1 })
}

/// Whether a picture becomes two.
pub fn can_split(frame: &frame::Video) -> bool {
    frame.is_interlaced() && frame.height() >= 8 && frame.width() >= 8 && sample_bytes(frame).is_some()
}

impl Field {
    /// Makes a field of `frame` a whole picture.
    pub fn whole(&self, frame: &frame::Video) -> Result<frame::Video, MediaError> {
        let mut out = frame::Video::new(frame.format(), frame.width(), frame.height());
        if out.planes() < frame.planes() {
            return Err(MediaError::TooLarge(format!("no memory for a picture of {}×{}", frame.width(), frame.height())));
        }
        // SAFETY: both frames are there; what is copied are tags and numbers.
        unsafe { ffi::av_frame_copy_props(out.as_mut_ptr(), frame.as_ptr()) };
        let bytes = sample_bytes(frame).unwrap_or(1);
        for plane in 0..frame.planes() {
            let rows = rows_of(frame, plane);
            let mut weave = Weave::new(self, frame, plane, bytes);
            for y in 0..rows {
                let stride = out.stride(plane);
                let row = &mut out.data_mut(plane)[y * stride..][..weave.width * bytes];
                if (y % 2 == 0) == self.has_first_row {
                    row.copy_from_slice(&frame.data(plane)[y * frame.stride(plane)..][..weave.width * bytes]);
                } else {
                    weave.row(y, rows);
                    store(&weave.made, bytes, row);
                }
            }
        }
        Ok(out)
    }
}

/// Rows of a plane; of chroma there may be fewer.
fn rows_of(frame: &frame::Video, plane: usize) -> usize {
    shifted(frame, plane, frame.height(), |format| format.log2_chroma_h)
}

fn shifted(frame: &frame::Video, plane: usize, edge: u32, shift: impl Fn(&ffi::AVPixFmtDescriptor) -> u8) -> usize {
    // SAFETY: a constant of FFmpeg's; the format is a decoder's.
    let format = unsafe { ffi::av_pix_fmt_desc_get(frame.format().into()).as_ref() };
    let shift = format.filter(|_| plane == 1 || plane == 2).map_or(0, shift);
    edge.div_ceil(1 << shift) as usize
}

/// The rows that one of the other field's is made from, and what is made.
struct Weave<'a> {
    bytes: usize,
    plane: usize,
    width: usize,
    /// The picture itself, and its like half a picture's time before and after; those lie in which picture it is of.
    frame: &'a frame::Video,
    earlier: &'a frame::Video,
    later: &'a frame::Video,
    before: &'a frame::Video,
    after: &'a frame::Video,
    rows: [Vec<i32>; 12],
    made: Vec<i32>,
}

impl<'a> Weave<'a> {
    fn new(field: &'a Field, frame: &'a frame::Video, plane: usize, bytes: usize) -> Self {
        let width = shifted(frame, plane, frame.width(), |format| format.log2_chroma_w);
        // The other field was seen right before the second one, and is seen right after the first.
        let (earlier, later) = if field.is_second { (frame, &*field.after) } else { (&*field.before, frame) };
        let (before, after) = (&*field.before, &*field.after);
        let row = || vec![0; width];
        Self { bytes, plane, width, frame, earlier, later, before, after, rows: std::array::from_fn(|_| row()), made: row() }
    }

    /// Makes row `y`. Beyond the edges of the picture are the nearest rows of the same field.
    fn row(&mut self, y: usize, rows: usize) {
        let (bytes, plane) = (self.bytes, self.plane);
        let above = y.checked_sub(1).unwrap_or(y + 1);
        let below = if y + 1 < rows { y + 1 } else { y - 1 };
        let (further_up, further_down) = (y.checked_sub(2).unwrap_or(y), if y + 2 < rows { y + 2 } else { y });
        let wanted: [(&frame::Video, usize); 12] = [
            (self.frame, above),
            (self.frame, below),
            (self.earlier, y),
            (self.later, y),
            (self.before, above),
            (self.before, below),
            (self.after, above),
            (self.after, below),
            (self.earlier, further_up),
            (self.later, further_up),
            (self.earlier, further_down),
            (self.later, further_down),
        ];
        for ((frame, y), row) in wanted.into_iter().zip(&mut self.rows) {
            load(&frame.data(plane)[y * frame.stride(plane)..], bytes, row);
        }
        let [c, e, earlier, later, before_c, before_e, after_c, after_e, up_earlier, up_later, down_earlier, down_later] =
            &self.rows;
        for (x, made) in self.made.iter_mut().enumerate() {
            let middle = (earlier[x] + later[x]) / 2;
            let moved = (earlier[x] - later[x]).abs() / 2;
            let moved_before = ((before_c[x] - c[x]).abs() + (before_e[x] - e[x]).abs()) / 2;
            let moved_after = ((after_c[x] - c[x]).abs() + (after_e[x] - e[x]).abs()) / 2;
            // What stands out in time also in the rows around is no movement.
            let up = (up_earlier[x] + up_later[x]) / 2 - c[x];
            let down = (down_earlier[x] + down_later[x]) / 2 - e[x];
            let (over_c, over_e) = (middle - c[x], middle - e[x]);
            let most = over_c.max(over_e).max(up.min(down));
            let least = over_c.min(over_e).min(up.max(down));
            let room = moved.max(moved_before).max(moved_after).max(least).max(-most);
            *made = along_edge(c, e, x).clamp(middle - room, middle + room);
        }
    }
}

/// The value between two rows, along the edge that runs through it.
fn along_edge(above: &[i32], below: &[i32], x: usize) -> i32 {
    let last = above.len() as i32 - 1;
    let at = |row: &[i32], x: i32| row[x.clamp(0, last) as usize];
    let x = x as i32;
    let differ = |side: i32| (-1..=1).map(|near| (at(above, x + near + side) - at(below, x + near - side)).abs()).sum::<i32>();
    let mut best = (differ(0) - 1, (at(above, x) + at(below, x)) / 2);
    for towards in [-1, 1] {
        // The further only where the nearer is better already.
        for side in 1..=REACH {
            let score = differ(side * towards);
            if score >= best.0 {
                break;
            }
            best = (score, (at(above, x + side * towards) + at(below, x - side * towards)) / 2);
        }
    }
    best.1
}

fn load(bytes: &[u8], sample_bytes: usize, row: &mut [i32]) {
    match sample_bytes {
        1 => row.iter_mut().zip(bytes).for_each(|(value, byte)| *value = i32::from(*byte)),
        _ => row.iter_mut().zip(bytes.as_chunks::<2>().0).for_each(|(value, two)| *value = i32::from(u16::from_le_bytes(*two))),
    }
}

fn store(row: &[i32], sample_bytes: usize, bytes: &mut [u8]) {
    match sample_bytes {
        1 => bytes.iter_mut().zip(row).for_each(|(byte, value)| *byte = *value as u8),
        _ => bytes.as_chunks_mut::<2>().0.iter_mut().zip(row).for_each(|(two, value)| *two = (*value as u16).to_le_bytes()),
    }
}
