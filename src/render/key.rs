//! A colour that is seen through, by its distance in Cb and Cr, or, of a grey, in its light too.

use super::sprite::{Raster, Rows, Sprite};
use crate::{
    domain::look::ChromaKey,
    media::{Form, Sample, Yuv444Ten},
};

type Fine = <Yuv444Ten as Form>::Sample;

/// The largest distance that two colours can have in Cb and Cr.
const LARGEST: f64 = 224.0 * std::f64::consts::SQRT_2;
/// A colour as near as this to grey, as a share of that, is told from other greys by its light alone.
const GREY: f64 = 0.05;

/// Makes `out`, as large as `picture`, the picture without the colour. The picture has Cb and Cr of its own for each pixel, whatever
/// `out` has: edges are as fine as they come.
pub fn apply<F: Form>(key: &ChromaKey, picture: &impl Rows<Form = Yuv444Ten>, out: &mut Sprite<F>) {
    let alpha = alpha_of(key);
    let (finer, step) = (Fine::FINER - F::Sample::FINER, 1 << F::SHARED);
    let (width, across, opaque) = (out.width(), out.plane_width(1), F::Sample::MAX.float());
    let fine_opaque = vec![<Fine as Sample>::MAX; width];
    let coarser = |value: f32| F::Sample::rounded(value / (1 << finer) as f32);
    let (planes, Some(alphas)) = out.parts_mut() else { return };
    let mut sums = vec![[0f32; 2]; across];
    for y in 0..picture.plane_height(0) {
        let [luma, cb, cr] = [0, 1, 2].map(|plane| picture.row(plane, y));
        let own = picture.alpha_row(0, y).unwrap_or(&fine_opaque);
        let of_row = y * width..(y + 1) * width;
        let outs = planes[0][of_row.clone()].iter_mut().zip(&mut alphas[0][of_row]);
        for (x, (value, share)) in outs.enumerate() {
            let [luma, cb, cr] = [luma[x], cb[x], cr[x]].map(Sample::float);
            let own = own[x].float() / fine_opaque[x].float();
            // Of what is clear there is nothing, whatever it is taken for.
            let whole = if own > 0.0 { own.recip() } else { 0.0 };
            let alpha = alpha([luma, cb, cr].map(|value| value * whole));
            (*value, *share) = (coarser(luma * alpha), F::Sample::rounded(alpha * own * opaque));
            let sum = &mut sums[x >> F::SHARED];
            (sum[0], sum[1]) = (sum[0] + cb * alpha, sum[1] + cr * alpha);
        }
        if (y + 1).is_multiple_of(step) {
            for (x, sum) in sums.iter_mut().enumerate() {
                let at = (y >> F::SHARED) * across + x;
                let [cb, cr] = std::mem::take(sum).map(|sum| coarser(sum / (step * step) as f32));
                (planes[1][at], planes[2][at]) = (cb, cr);
            }
        }
    }
    out.share_alpha();
}

/// How opaque a colour is, 0…1.
fn alpha_of(key: &ChromaKey) -> impl Fn([f32; 3]) -> f32 {
    let [light, cb, cr] = super::sprite::yuv::<Yuv444Ten>(key.color).map(Sample::float);
    let scale = (1 << Fine::FINER) as f32;
    let (from, over) = ((key.similarity * LARGEST) as f32 * scale, (key.blend * LARGEST).max(1e-3) as f32 * scale);
    let is_grey = (cb - 128.0 * scale).hypot(cr - 128.0 * scale) < (GREY * LARGEST) as f32 * scale;
    let by_light = if is_grey { 1.0 } else { 0.0 };
    move |[luma, blue, red]| {
        let (y, b, r) = ((luma - light) * by_light, blue - cb, red - cr);
        (((y * y + b * b + r * r).sqrt() - from) / over).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::paint::Color,
        media::{Picture, Yuv420},
        render::sprite::yuv,
    };

    fn plain(color: Color) -> Picture<Yuv444Ten> {
        let mut picture = Picture::new(16, 16).unwrap();
        picture.fill(yuv::<Yuv444Ten>(color));
        picture
    }

    fn keyed<F: Form>(key: ChromaKey, picture: &Picture<Yuv444Ten>) -> Sprite<F> {
        let mut sprite = Sprite::clear(16, 16);
        apply(&key, picture, &mut sprite);
        sprite
    }

    #[test]
    fn a_grey_is_told_from_others_by_its_light() {
        for (color, expected) in [(Color::WHITE, [0, 255, 255]), (Color::BLACK, [255, 255, 0])] {
            let found = [255, 128, 0].map(|grey| {
                let picture = plain(Color { red: grey, green: grey, blue: grey, alpha: 255 });
                let key = ChromaKey { color, similarity: 0.15, blend: 0.05 };
                keyed::<Yuv420>(key, &picture).alpha_row(0, 5).unwrap()[5]
            });
            assert_eq!(found, expected, "{color:?}");
        }
    }

    #[test]
    fn a_line_of_one_pixel_is_there_where_pixels_share_their_colour() {
        let (green, red) = (Color { red: 0, green: 255, blue: 0, alpha: 255 }, Color { red: 255, green: 0, blue: 0, alpha: 255 });
        let (mut picture, line) = (plain(green), plain(red));
        for plane in 0..3 {
            for y in 0..16 {
                picture.row_mut(plane, y)[y] = line.row(plane, y)[y];
            }
        }
        let sprite = keyed::<Yuv420>(ChromaKey { color: green, similarity: 0.15, blend: 0.05 }, &picture);
        let [luma, _, cr] = yuv::<Yuv420>(red);
        for y in 0..16 {
            let alphas = sprite.alpha_row(0, y).unwrap();
            assert!((0..16).all(|x| alphas[x] == if x == y { 255 } else { 0 }), "{alphas:?}");
            // Two of four pixels, and no green.
            assert_eq!(
                (sprite.row(0, y)[y], sprite.row(2, y / 2)[y / 2], sprite.alpha_row(1, y / 2).unwrap()[y / 2]),
                (luma, cr / 2, 128)
            );
        }
    }

    #[test]
    fn the_colour_is_clear_whatever_its_light_and_others_are_not() {
        let key = ChromaKey { color: Color { red: 0, green: 255, blue: 0, alpha: 255 }, similarity: 0.15, blend: 0.05 };
        for (color, alpha) in [((0, 255, 0), 0), ((20, 220, 20), 0), ((255, 255, 255), 255), ((200, 50, 50), 255)] {
            let picture = plain(Color { red: color.0, green: color.1, blue: color.2, alpha: 255 });
            assert_eq!(keyed::<Yuv420>(key, &picture).alpha_row(0, 5).unwrap()[5], alpha, "{color:?}");
            let finer = u16::from(alpha) * 4 + u16::from(alpha / 85);
            assert_eq!(keyed::<Yuv444Ten>(key, &picture).alpha_row(0, 5).unwrap()[5], finer, "{color:?}");
        }
    }
}
