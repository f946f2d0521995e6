//! Changes of a picture's colours and sharpness, in YUV.

use std::{collections::HashMap, sync::Arc};

use super::{
    blur::{Sigma, blur_plane},
    colors::Colors,
    sprite::{Raster, SampleOf},
    table::Table,
};
use crate::{
    domain::{
        composition::Source,
        geometry::Rect,
        look::{Effect, SHARPEN_SIGMA},
    },
    media::{Form, Sample},
};

/// The steps of an element's effects; what moves a picture is not among them.
pub struct Effects {
    steps: Vec<Step>,
}

enum Step {
    Colors(Colors),
    Blur(Sigma),
    /// The share, and what it is sharpened by: the blur's standard deviation.
    Sharpen(f64, Sigma),
    /// The share, and what of the picture it is of.
    Vignette(f64, Option<Rect>),
    Table(Arc<Table>),
}

impl Effects {
    /// `None` where nothing is to be done. `pixel` is the size of the picture's pixels at rest, across and down, on the composition's own
    /// canvas: blurring and sharpening are measured there, and grow and shrink with the picture. `seen` is what of it is seen at rest, in
    /// its pixels: a vignette is of that; `None`: of all.
    pub fn of(effects: &[Effect], tables: &HashMap<Source, Arc<Table>>, pixel: (f64, f64), seen: Option<Rect>) -> Option<Self> {
        let sigma = |on_canvas: f64| (on_canvas / pixel.0, on_canvas / pixel.1);
        let mut steps = Vec::new();
        for effect in effects {
            if let Some(colors) = Colors::of(effect) {
                match steps.last_mut() {
                    Some(Step::Colors(before)) if let Some(both) = before.then(&colors) => *before = both,
                    _ => steps.push(Step::Colors(colors)),
                }
                continue;
            }
            let step = match effect {
                &Effect::Blur(deviation) if deviation > 0.0 => Step::Blur(sigma(deviation)),
                &Effect::Sharpen(share) if share > 0.0 => Step::Sharpen(share, sigma(SHARPEN_SIGMA)),
                &Effect::Vignette(share) if share > 0.0 => Step::Vignette(share, seen),
                Effect::Lut(source) => match tables.get(source) {
                    Some(table) => Step::Table(table.clone()),
                    None => continue,
                },
                _ => continue,
            };
            steps.push(step);
        }
        (!steps.is_empty()).then_some(Self { steps })
    }

    pub fn apply(&self, picture: &mut impl Raster) {
        for step in &self.steps {
            match step {
                Step::Colors(colors) => colors.apply(picture),
                Step::Blur(sigma) => blur(picture, *sigma),
                Step::Sharpen(share, sigma) => sharpen(picture, *share, *sigma),
                Step::Vignette(share, seen) => vignette(picture, *share, *seen),
                Step::Table(table) => table.apply(picture),
            }
        }
    }
}

/// Blurs a picture, and its alpha with it.
pub fn blur<R: Raster>(picture: &mut R, sigma: Sigma) {
    let of = |plane: usize| [sigma.0, sigma.1].map(|sigma| sigma / f64::from(1u8 << R::Form::shift(plane))).into();
    for plane in 0..3 {
        blur_of(picture, plane, of(plane));
    }
    for plane in 0..=R::Form::SHARED {
        if let Some((alpha, width)) = picture.alpha_mut(plane) {
            let rows = alpha.len() / width;
            blur_plane(alpha, width, rows, of(plane));
        }
    }
    picture.alpha_changed();
}

/// Whether effects mix pixels with those beside them, or luma with Cb and Cr, which several pixels may share.
pub fn mix(effects: &[Effect]) -> bool {
    let exceeds = |effect: &Effect| Colors::of(effect).is_some_and(|colors| colors.exceeds());
    effects.iter().any(|effect| matches!(effect, Effect::Blur(_) | Effect::Sharpen(_)) || exceeds(effect))
}

/// How far beyond a picture's edge its effects may reach, in pixels of the canvas.
pub fn reach(effects: &[Effect]) -> f64 {
    let blurs = effects.iter().filter(|effect| matches!(effect, Effect::Blur(_))).map(Effect::reach);
    blurs.fold(0.0, f64::max)
}

fn blur_of<R: Raster>(picture: &mut R, plane: usize, sigma: Sigma) {
    let (width, rows) = (picture.plane_width(plane), picture.plane_height(plane));
    let mut pixels: Vec<SampleOf<R>> = (0..rows).flat_map(|y| picture.row(plane, y).to_vec()).collect();
    blur_plane(&mut pixels, width, rows, sigma);
    for y in 0..rows {
        picture.row_mut(plane, y).copy_from_slice(&pixels[y * width..][..width]);
    }
}

/// Adds the difference of luma from its blurred copy.
fn sharpen<R: Raster>(picture: &mut R, share: f64, sigma: Sigma) {
    let (width, rows) = (picture.width(), picture.height());
    let mut soft: Vec<SampleOf<R>> = (0..rows).flat_map(|y| picture.row(0, y).to_vec()).collect();
    blur_plane(&mut soft, width, rows, sigma);
    let factor = (share * 256.0).round() as i32;
    let (opaque, white) = (SampleOf::<R>::MAX.int(), 235 << SampleOf::<R>::FINER);
    for y in 0..rows {
        let high = picture.alpha_row(0, y).map(<[_]>::to_vec);
        for (x, value) in picture.row_mut(0, y).iter_mut().enumerate() {
            let (now, soft) = (value.int(), soft[y * width + x].int());
            let most = high.as_ref().map_or(white, |alpha| alpha[x].int() * white / opaque);
            let least = most * 16 / 235;
            *value = SampleOf::<R>::of((now + (((now - soft) * factor + 128) >> 8)).clamp(least, most));
        }
    }
}

/// Darker towards the corners: by the square of the distance from the middle.
fn vignette<R: Raster>(picture: &mut R, share: f64, seen: Option<Rect>) {
    let seen = seen.unwrap_or(Rect::of_size(picture.width() as f64, picture.height() as f64));
    let (opaque, bits) = (SampleOf::<R>::MAX.int(), 8 + 2 * SampleOf::<R>::FINER);
    for plane in 0..3 {
        let step = f64::from(1u8 << R::Form::shift(plane));
        let black = if plane > 0 { 128 } else { 16 } << SampleOf::<R>::FINER;
        for y in 0..picture.plane_height(plane) {
            let alpha = picture.alpha_row(plane, y).map(<[_]>::to_vec);
            let down = (((y as f64 + 0.5) * step - seen.y) / seen.height * 2.0 - 1.0).powi(2);
            for (x, value) in picture.row_mut(plane, y).iter_mut().enumerate() {
                let across = (((x as f64 + 0.5) * step - seen.x) / seen.width * 2.0 - 1.0).powi(2);
                // 1 in the corners.
                let factor = ((1.0 - share * (across + down) / 2.0).max(0.0) * f64::from(1 << bits)) as i32;
                let black = alpha.as_ref().map_or(black, |alpha| black * alpha[x].int() / opaque);
                *value = SampleOf::<R>::of(black + ((((*value).int() - black) * factor + (1 << (bits - 1))) >> bits));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::paint::Color,
        media::{Picture, Yuv420, Yuv444Ten},
        render::sprite::{Rows, Sprite, yuv},
    };
    use image::RgbaImage;

    fn plain(color: Color) -> Picture<Yuv420> {
        let mut picture = Picture::new(16, 16).unwrap();
        picture.fill(yuv::<Yuv420>(color));
        picture
    }

    fn after(color: Color, effects: &[Effect]) -> [u8; 3] {
        let mut picture = plain(color);
        Effects::of(effects, &HashMap::new(), (1.0, 1.0), None).unwrap().apply(&mut picture);
        [picture.row(0, 8)[8], picture.row(1, 4)[4], picture.row(2, 4)[4]]
    }

    fn near(found: [u8; 3], expected: [u8; 3]) -> bool {
        found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1)
    }

    #[test]
    fn colours_change_as_the_css_filters_say() {
        let rgb = |red, green, blue| Color { red, green, blue, alpha: 255 };
        let orange = rgb(200, 120, 40);
        for (effects, expected) in [
            (vec![Effect::Brightness(0.5)], rgb(100, 60, 20)),
            (vec![Effect::Contrast(0.5)], rgb(164, 124, 84)),
            (vec![Effect::Negate(true)], rgb(55, 135, 215)),
            (vec![Effect::Grayscale(1.0)], rgb(131, 131, 131)),
            (vec![Effect::Saturation(0.0)], rgb(131, 131, 131)),
            (vec![Effect::Sepia(1.0)], rgb(178, 159, 124)),
            (vec![Effect::Negate(true), Effect::Negate(true)], orange),
            (vec![Effect::Hue(360.0)], orange),
        ] {
            let found = after(orange, &effects);
            assert!(near(found, yuv::<Yuv420>(expected)), "{effects:?}: {found:?}, not {:?}", yuv::<Yuv420>(expected));
        }
    }

    #[test]
    fn colours_stop_at_those_there_are() {
        let rgb = |red, green, blue| Color { red, green, blue, alpha: 255 };
        let (orange, pale) = (rgb(200, 120, 40), rgb(200, 220, 255));
        for (color, effects, expected) in [
            (Color::WHITE, vec![Effect::Sepia(1.0)], rgb(255, 255, 239)),
            (pale, vec![Effect::Brightness(1.5)], rgb(255, 255, 255)),
            (orange, vec![Effect::Saturation(3.0)], rgb(255, 98, 0)),
            // After each of them.
            (orange, vec![Effect::Brightness(2.0), Effect::Brightness(0.5)], rgb(128, 120, 40)),
            (orange, vec![Effect::Contrast(2.0), Effect::Negate(true)], rgb(0, 142, 255)),
        ] {
            let found = after(color, &effects);
            assert!(near(found, yuv::<Yuv420>(expected)), "{effects:?}: {found:?}, not {:?}", yuv::<Yuv420>(expected));
        }
        // Seen through by half, a colour is half of what it is else.
        let image = RgbaImage::from_pixel(8, 8, image::Rgba([255, 204, 0, 128]));
        let mut sprite = Sprite::<Yuv420>::of(&image);
        Effects::of(&[Effect::Contrast(2.0)], &HashMap::new(), (1.0, 1.0), None).unwrap().apply(&mut sprite);
        let mut canvas = plain(Color::BLACK);
        sprite.put(&mut canvas, (0, 0), 256);
        let found = [canvas.row(0, 3)[3], canvas.row(1, 1)[1], canvas.row(2, 1)[1]];
        assert!(near(found, yuv::<Yuv420>(rgb(128, 128, 0))), "{found:?}");
    }

    #[test]
    fn edges_whose_pixels_share_their_colour_keep_it() {
        let image = RgbaImage::from_fn(12, 8, |x, _| image::Rgba(if x < 5 { [255; 4] } else { [255, 0, 0, 255] }));
        let plain = Sprite::<Yuv420>::of(&image);
        let mut changed = Sprite::<Yuv420>::of(&image);
        Effects::of(&[Effect::Brightness(1.001)], &HashMap::new(), (1.0, 1.0), None).unwrap().apply(&mut changed);
        for plane in 0..3 {
            let rows = plain.row(plane, 2).iter().zip(changed.row(plane, 2));
            assert!(rows.clone().all(|(one, other)| one.abs_diff(*other) <= 1), "{plane}: {:?}", rows.collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_clear_stays_clear() {
        let mut sprite =
            Sprite::<Yuv420>::of(&RgbaImage::from_fn(8, 8, |x, _| image::Rgba([255, 255, 255, if x < 4 { 0 } else { 255 }])));
        Effects::of(&[Effect::Negate(true)], &HashMap::new(), (1.0, 1.0), None).unwrap().apply(&mut sprite);
        assert_eq!((sprite.row(0, 3)[0], sprite.row(0, 3)[7]), (0, 16));
    }

    #[test]
    fn edges_that_go_through_shared_chroma_change_as_all_else() {
        let red = |x: u32, y: u32| image::Rgba([255, 48, 32, if x < 5 { 255 } else { (x * 40 + y * 60) as u8 }]);
        let image = RgbaImage::from_fn(12, 8, red);
        let (mut shared, mut own) = (Sprite::<Yuv420>::of(&image), Sprite::<Yuv444Ten>::of(&image));
        for effect in [Effect::Sepia(1.0), Effect::Hue(90.0), Effect::Saturation(0.2)] {
            let effects = Effects::of(&[effect], &HashMap::new(), (1.0, 1.0), None).unwrap();
            effects.apply(&mut shared);
            effects.apply(&mut own);
        }
        for y in 0..8 {
            let apart = |(one, other): (&u8, &u16)| (i32::from(*one) - i32::from(other >> 2)).abs();
            let most = shared.row(0, y).iter().zip(own.row(0, y)).map(apart).max().unwrap();
            assert!(most <= 3, "row {y}: {:?}, and not {:?}", shared.row(0, y), own.row(0, y));
        }
    }

    #[test]
    fn what_is_white_stays_white_where_its_alpha_is_blurred() {
        let white = |x: u32, y: u32| if (8..24).contains(&x) && (8..24).contains(&y) { [255; 4] } else { [0; 4] };
        let mut sprite = Sprite::<Yuv420>::of(&RgbaImage::from_fn(32, 32, |x, y| image::Rgba(white(x, y))));
        Effects::of(&[Effect::Blur(2.0)], &HashMap::new(), (1.0, 1.0), None).unwrap().apply(&mut sprite);
        let mut canvas = Picture::<Yuv420>::new(32, 32).unwrap();
        canvas.fill(yuv::<Yuv420>(Color::BLACK));
        sprite.put(&mut canvas, (0, 0), 256);
        // Half covered at the edge, a little beyond it, and grey all over.
        assert!((100..150).contains(&canvas.row(0, 16)[8]) && canvas.row(0, 16)[5] > 17, "{:?}", &canvas.row(0, 16)[..12]);
        for plane in 1..3 {
            assert!((0..16).all(|y| canvas.row(plane, y).iter().all(|value| value.abs_diff(128) <= 3)), "no tint");
        }
    }

    #[test]
    fn a_vignette_darkens_corners_and_not_the_middle() {
        let mut picture = plain(Color::WHITE);
        Effects::of(&[Effect::Vignette(1.0)], &HashMap::new(), (1.0, 1.0), None).unwrap().apply(&mut picture);
        assert!(picture.row(0, 8)[8] > 230 && picture.row(0, 0)[0] < 50);
    }

    #[test]
    fn no_effect_is_none() {
        assert!(Effects::of(&[Effect::Blur(0.0), Effect::Negate(false)], &HashMap::new(), (1.0, 1.0), None).is_none());
    }
}
