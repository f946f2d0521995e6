//! High dynamic range, and colours wider than BT.709, brought to what our pictures hold.
//!
//! Light is taken as a display shows it: PQ by its own curve (SMPTE ST 2084), HLG by its own and the system gamma of a display of
//! 1,000 cd/m² (ITU-R BT.2100-2), everything else by BT.1886. What is brighter than white is rolled off by the curve of ITU-R
//! BT.2390-8, 5.4.1, on the brightest of red, green and blue, so that hues stay. White is 203 cd/m² (ITU-R BT.2408-4).
//! Primaries go to those of BT.709 in light; what BT.709 cannot show is cut off.
//!
//! Each curve is kept as a table, for there are powers in all of them.

use ffmpeg_next::{
    ffi,
    frame::{self, side_data::Type},
};

use crate::media::{Decoded, Form, MediaError, Picture, Sample, bt709};

/// The brightest that a source is taken to hold where it does not say, cd/m².
const USUAL_PEAK: f64 = 1_000.0;
const WHITE: f64 = 203.0;
/// A source that says less says it wrongly.
const DIMMEST_PEAK: f64 = 250.0;
/// Entries of a table.
const ENTRIES: usize = 8_192;
/// To the primaries of BT.709, in light: from those of BT.2020 (ITU-R BT.2087-0), from those of P3 with the white of D65 (SMPTE EG
/// 432-1, by way of CIE XYZ), and from themselves.
const FROM_BT2020: Matrix =
    [[1.660_491, -0.587_641, -0.072_85], [-0.124_55, 1.132_9, -0.008_349], [-0.018_151, -0.100_579, 1.118_73]];
const FROM_P3: Matrix = [[1.224_94, -0.224_94, 0.0], [-0.042_057, 1.042_057, 0.0], [-0.019_638, -0.078_636, 1.098_274]];
const FROM_BT709: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
/// What red and blue add to luma: by BT.2020 and by BT.709.
const WIDE: (f64, f64) = (0.2627, 0.0593);
const NARROW: (f64, f64) = (bt709::LUMA[0], bt709::LUMA[2]);
/// BT.2100's system gamma of a display of 1,000 cd/m², less one.
const SYSTEM_GAMMA: f64 = 0.2;

/// What the numbers of a source mean, where that is not BT.709.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Light {
    curve: Curve,
    gamut: Gamut,
    /// The brightest that it holds, cd/m².
    peak: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Curve {
    Pq,
    Hlg,
    /// Of standard range.
    Display,
}

/// The primaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gamut {
    Bt2020,
    P3,
    Bt709,
}

impl Light {
    /// That of a picture; `peak` is what its file says of PQ.
    pub fn of(frame: &frame::Video, peak: Option<u32>) -> Option<Light> {
        // SAFETY: read as numbers: the file may hold ones that the enums have not.
        let (curve, primaries) = unsafe {
            let frame = frame.as_ptr();
            (
                std::ptr::addr_of!((*frame).color_trc).cast::<i32>().read(),
                std::ptr::addr_of!((*frame).color_primaries).cast::<i32>().read(),
            )
        };
        let curve = match (curve, primaries) {
            (16, _) => Curve::Pq,
            (18, _) => Curve::Hlg,
            (_, 9) => Curve::Display,
            _ => return None,
        };
        let gamut = match primaries {
            1 => Gamut::Bt709,
            11 | 12 => Gamut::P3,
            _ => Gamut::Bt2020,
        };
        let peak = peak.filter(|_| curve == Curve::Pq).unwrap_or(USUAL_PEAK as u32);
        Some(Light { curve, gamut, peak })
    }

    /// The matrix of a picture that does not say it.
    pub fn usual_matrix(self) -> i32 {
        if self.gamut == Gamut::Bt709 { ffi::SWS_CS_ITU709 } else { ffi::SWS_CS_BT2020 }
    }
}

impl Decoded {
    /// What the picture itself says of the brightest that its file holds, cd/m².
    pub fn told_peak(&self) -> Option<u32> {
        let told = |kind| self.frame.side_data(kind).map(|data| data.data().to_vec());
        told_peak(told(Type::ContentLightLevel).as_deref(), told(Type::MasteringDisplayMetadata).as_deref())
    }
}

/// The brightest pixel, or else the brightest of the display that it was made on: of FFmpeg's AVContentLightMetadata the first
/// number, of AVMasteringDisplayMetadata the fraction after eight of the display's colours and one of its black.
pub fn told_peak(light_level: Option<&[u8]>, display: Option<&[u8]>) -> Option<u32> {
    let number = |data: Option<&[u8]>, at: usize| Some(f64::from(u32::from_ne_bytes(data?.get(at..at + 4)?.try_into().ok()?)));
    let fraction = number(display, 72).zip(number(display, 76));
    let told = [number(light_level, 0), fraction.map(|(numerator, denominator)| numerator / denominator.max(1.0))];
    told.into_iter().flatten().find(|peak| *peak > 0.0).map(|peak| peak.clamp(DIMMEST_PEAK, 10_000.0) as u32)
}

type Matrix = [[f64; 3]; 3];

impl Gamut {
    fn matrix(self) -> Matrix {
        match self {
            Gamut::Bt2020 => FROM_BT2020,
            Gamut::P3 => FROM_P3,
            Gamut::Bt709 => FROM_BT709,
        }
    }
}

/// Brings pictures of one kind of light to ours.
pub struct Tone {
    /// What a number of red, green or blue means: light as a share of the peak, or of the scene's for HLG.
    light: Table,
    /// Of HLG, what the system gamma makes of the scene's light, by how much it is.
    system: Option<Table>,
    /// What the brightest of red, green and blue is multiplied by, and the others with it, such that 1 is white.
    roll_off: Table,
    /// From the source's primaries to ours, row by row.
    matrix: [[f32; 3]; 3],
    /// What a display of BT.1886 is told for light.
    display: Table,
    high: frame::Video,
}

/// A function of 0 to some end; finer towards zero where it is over square roots.
struct Table {
    values: Vec<f32>,
    scale: f32,
    is_over_roots: bool,
}

impl Table {
    fn new(end: f64, is_over_roots: bool, function: impl Fn(f64) -> f64) -> Self {
        let last = (ENTRIES - 1) as f64;
        let at = |share: f64| if is_over_roots { share * share * end } else { share * end };
        let values = (0..ENTRIES).map(|entry| function(at(entry as f64 / last)) as f32).collect();
        let scale = if is_over_roots { last / end.sqrt() } else { last / end };
        Self { values, scale: scale as f32, is_over_roots }
    }

    /// What is beyond its ends is as at them.
    #[inline]
    fn at(&self, value: f32) -> f32 {
        let place = if self.is_over_roots { value.max(0.0).sqrt() } else { value };
        // A cast holds itself within the numbers that there are, and turns what is none into 0.
        self.values[((place * self.scale + 0.5) as usize).min(ENTRIES - 1)]
    }
}

impl Tone {
    /// For pictures of a size. They come in [`Form::BRIGHT`], limited range, in the matrix of BT.2020.
    pub fn new<F: Form>(light: Light, width: u32, height: u32) -> Result<Self, MediaError> {
        let high = frame::Video::new(F::BRIGHT, width, height);
        if high.planes() < 3 {
            return Err(MediaError::TooLarge(format!("no memory for a picture of {width}×{height}")));
        }
        let peak = f64::from(light.peak);
        let most = if light.curve == Curve::Pq { 10_000.0 / peak } else { 1.0 };
        let roll_off = move |share: f64| match light.curve {
            Curve::Display => 1.0,
            _ if share <= 0.0 => peak / WHITE,
            _ => rolled_off([share * peak; 3], peak)[0] / share,
        };
        Ok(Self {
            light: Table::new(1.0, false, |value| match light.curve {
                Curve::Display => value.powf(2.4),
                Curve::Pq => pq_to_light(value) / peak,
                Curve::Hlg => hlg_to_scene(value),
            }),
            system: (light.curve == Curve::Hlg).then(|| Table::new(1.0, true, |luma| luma.powf(SYSTEM_GAMMA))),
            roll_off: Table::new(most, true, roll_off),
            matrix: light.gamut.matrix().map(|row| row.map(|share| share as f32)),
            display: Table::new(1.0, true, |light| light.powf(1.0 / 2.4)),
            high,
        })
    }

    /// Where the picture is to be put before it is brought to ours.
    pub fn high(&mut self) -> &mut frame::Video {
        &mut self.high
    }

    /// Makes `out`, of the same size, what was put.
    pub fn bring<F: Form>(&self, out: &mut Picture<F>) {
        let (width, across) = (out.width(), out.plane_width(1));
        let shared = 1 << F::SHARED;
        let mut luma = vec![vec![0.0; width]; shared];
        let mut chroma = [vec![0.0; across], vec![0.0; across]];
        let mut line = vec![[F::Sample::default(); 3]; width];
        for y in 0..out.plane_height(1) {
            for (row, luma) in luma.iter_mut().enumerate() {
                self.read(0, shared * y + row, (64.0, 876.0), luma);
            }
            for (plane, chroma) in chroma.iter_mut().enumerate() {
                self.read(plane + 1, y, (512.0, 896.0), chroma);
            }
            let [cb, cr] = &chroma;
            for (row, luma) in luma.iter().enumerate() {
                for (x, values) in line.iter_mut().enumerate() {
                    let at = x >> F::SHARED;
                    *values = stored(self.shown([luma[x], cb[at], cr[at]]));
                }
                for (out, [value, ..]) in out.row_mut(0, shared * y + row).iter_mut().zip(&line) {
                    *out = *value;
                }
            }
            // Where nothing is shared, the line has Cb and Cr too.
            for (x, values) in line[..across].iter_mut().enumerate().filter(|_| F::SHARED > 0) {
                let sum: f32 = luma.iter().flat_map(|row| &row[shared * x..shared * (x + 1)]).sum();
                *values = stored(self.shown([sum / (shared * shared) as f32, cb[x], cr[x]]));
            }
            for plane in [1, 2] {
                for (out, values) in out.row_mut(plane, y).iter_mut().zip(&line) {
                    *out = values[plane];
                }
            }
        }
    }

    /// A row of a plane, where `low` is 0 and `span` more is 1.
    fn read(&self, plane: usize, y: usize, (low, span): (f32, f32), row: &mut [f32]) {
        let bytes = &self.high.data(plane)[y * self.high.stride(plane)..];
        for (value, two) in row.iter_mut().zip(bytes.as_chunks::<2>().0) {
            *value = (f32::from(u16::from_le_bytes(*two)) - low) / span;
        }
    }

    /// What our picture holds for what a source holds: Y of 0 to 1, Cb and Cr of −0.5 to 0.5, before and after.
    #[inline]
    fn shown(&self, source: [f32; 3]) -> [f32; 3] {
        let mut rgb = red_green_blue(source).map(|value| self.light.at(value));
        if let Some(system) = &self.system {
            let gain = system.at(luma_of(rgb));
            rgb = rgb.map(|value| value * gain);
        }
        let less = self.roll_off.at(rgb[0].max(rgb[1]).max(rgb[2]));
        let light = |row: [f32; 3]| (row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2]) * less;
        luma_and_differences(self.matrix.map(|row| self.display.at(light(row))))
    }
}

/// Y of 0 to 1, Cb and Cr of −0.5 to 0.5, as a picture of limited range holds them.
fn stored<S: Sample>([y, cb, cr]: [f32; 3]) -> [S; 3] {
    [16.0 + 219.0 * y, 128.0 + 224.0 * cb, 128.0 + 224.0 * cr].map(|value| S::rounded(value * (1 << S::FINER) as f32))
}

fn red_green_blue([y, cb, cr]: [f32; 3]) -> [f32; 3] {
    const KR: f32 = WIDE.0 as f32;
    const KB: f32 = WIDE.1 as f32;
    let (red, blue) = (y + 2.0 * (1.0 - KR) * cr, y + 2.0 * (1.0 - KB) * cb);
    [red, (y - KR * red - KB * blue) / (1.0 - KR - KB), blue]
}

fn luma_of([red, green, blue]: [f32; 3]) -> f32 {
    const KR: f32 = WIDE.0 as f32;
    const KB: f32 = WIDE.1 as f32;
    KR * red + (1.0 - KR - KB) * green + KB * blue
}

fn luma_and_differences([red, green, blue]: [f32; 3]) -> [f32; 3] {
    const KR: f32 = NARROW.0 as f32;
    const KB: f32 = NARROW.1 as f32;
    let y = KR * red + (1.0 - KR - KB) * green + KB * blue;
    [y, (blue - y) / (2.0 * (1.0 - KB)), (red - y) / (2.0 * (1.0 - KR))]
}

/// Light in cd/m², with what is too bright rolled off; 1 is white.
fn rolled_off(light: [f64; 3], peak: f64) -> [f64; 3] {
    let brightest = light.into_iter().fold(0.0, f64::max);
    if brightest <= 0.0 {
        return [0.0; 3];
    }
    let top = light_to_pq(peak);
    let (value, most) = ((light_to_pq(brightest) / top).min(1.0), light_to_pq(WHITE) / top);
    let knee = 1.5 * most - 0.5;
    let rolled = if value < knee {
        value
    } else {
        let t = (value - knee) / (1.0 - knee);
        let (t2, t3) = (t * t, t * t * t);
        (2.0 * t3 - 3.0 * t2 + 1.0) * knee + (t3 - 2.0 * t2 + t) * (1.0 - knee) + (-2.0 * t3 + 3.0 * t2) * most
    };
    let less = pq_to_light(rolled * top) / brightest / WHITE;
    light.map(|value| value * less)
}

const M1: f64 = 2610.0 / 16384.0;
const M2: f64 = 2523.0 / 32.0;
const C1: f64 = 3424.0 / 4096.0;
const C2: f64 = 2413.0 / 128.0;
const C3: f64 = 2392.0 / 128.0;

fn pq_to_light(value: f64) -> f64 {
    let power = value.powf(1.0 / M2);
    10_000.0 * ((power - C1).max(0.0) / (C2 - C3 * power)).powf(1.0 / M1)
}

fn light_to_pq(light: f64) -> f64 {
    let power = (light / 10_000.0).powf(M1);
    ((C1 + C2 * power) / (1.0 + C3 * power)).powf(M2)
}

fn hlg_to_scene(value: f64) -> f64 {
    const A: f64 = 0.178_832_77;
    const B: f64 = 0.284_668_92;
    const C: f64 = 0.559_910_73;
    if value <= 0.5 { value * value / 3.0 } else { (((value - C) / A).exp() + B) / 12.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Yuv420;

    #[test]
    fn curves_meet_the_values_of_their_standards() {
        // BT.2408-4, table 1: HDR reference white is 58 % of PQ and 75 % of HLG.
        assert!((light_to_pq(203.0) - 0.58).abs() < 0.001);
        assert!((pq_to_light(light_to_pq(455.5)) - 455.5).abs() < 1e-6);
        let white = USUAL_PEAK * hlg_to_scene(0.75).powf(1.2);
        assert!((white - 203.0).abs() < 1.0, "{white}");
    }

    /// The same function without a table, by the standards' formulas alone.
    fn exact(light: Light, [y, cb, cr]: [f64; 3]) -> [f64; 3] {
        let (kr, kb) = WIDE;
        let (red, blue) = (y + 2.0 * (1.0 - kr) * cr, y + 2.0 * (1.0 - kb) * cb);
        let rgb = [red, (y - kr * red - kb * blue) / (1.0 - kr - kb), blue].map(|value| value.clamp(0.0, 1.0));
        let wide = match light.curve {
            Curve::Display => rgb.map(|value| value.powf(2.4)),
            Curve::Pq => rolled_off(rgb.map(pq_to_light), f64::from(light.peak)),
            Curve::Hlg => {
                let scene = rgb.map(hlg_to_scene);
                let y: f64 = kr * scene[0] + (1.0 - kr - kb) * scene[1] + kb * scene[2];
                rolled_off(scene.map(|value| USUAL_PEAK * y.powf(SYSTEM_GAMMA) * value), USUAL_PEAK)
            }
        };
        let across = |row: [f64; 3]| row.iter().zip(wide).map(|(share, value)| share * value).sum::<f64>();
        let [red, green, blue] = light.gamut.matrix().map(across).map(|light| light.clamp(0.0, 1.0).powf(1.0 / 2.4));
        let (kr, kb) = NARROW;
        let y = kr * red + (1.0 - kr - kb) * green + kb * blue;
        [y, (blue - y) / (2.0 * (1.0 - kb)), (red - y) / (2.0 * (1.0 - kr))]
    }

    #[test]
    fn tables_are_as_good_as_the_formulas() {
        let kinds =
            [(Curve::Pq, Gamut::Bt2020), (Curve::Pq, Gamut::P3), (Curve::Hlg, Gamut::Bt709), (Curve::Display, Gamut::Bt2020)];
        for (curve, gamut) in kinds {
            let light = Light { curve, gamut, peak: 1_000 };
            let tone = Tone::new::<Yuv420>(light, 16, 16).unwrap();
            let steps = || (0..=46).map(|step| f64::from(step) / 46.0);
            let (mut far, mut sum, mut count) = (0.0, 0.0, 0.0);
            for (y, cb, cr) in steps().flat_map(|y| steps().flat_map(move |cb| steps().map(move |cr| (y, cb - 0.5, cr - 0.5)))) {
                let got = tone.shown([y as f32, cb as f32, cr as f32]);
                for (exact, got) in exact(light, [y, cb, cr]).into_iter().zip(got) {
                    // In steps of 8 bits.
                    let error = (exact - f64::from(got)).abs() * 219.0;
                    (far, sum, count) = (far + f64::from(u8::from(error > 0.75)), sum + error, count + 1.0);
                }
            }
            println!("{curve:?}: mean {:.4}, {:.5} are far", sum / count, far / count);
            // Colours that BT.709 just cannot show, where a little light is a large step.
            assert!(sum / count < 0.02 && far / count < 1e-3, "{curve:?}");
        }
    }

    #[test]
    fn white_leaves_room_and_what_is_brighter_keeps_its_hue() {
        let pq = Light { curve: Curve::Pq, gamut: Gamut::Bt2020, peak: 1_000 };
        let grey = |light: f64| exact(pq, [light_to_pq(light), 0.0, 0.0])[0];
        assert!(grey(1_000.0) > 0.999 && grey(0.0) < 1e-9);
        assert!(grey(203.0) > 0.85 && grey(203.0) < 0.95, "{}", grey(203.0));
        // Below the knee light is as it was: 50 cd/m² of 203.
        assert!((grey(50.0) - (50.0f64 / 203.0).powf(1.0 / 2.4)).abs() < 1e-6);
        let rolled = rolled_off([800.0, 400.0, 200.0], 1_000.0);
        assert!((rolled[0] / rolled[1] - 2.0).abs() < 1e-9 && rolled[0] <= 1.0);
    }
}
