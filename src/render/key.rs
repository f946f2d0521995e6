//! A colour that is seen through, by its distance in Cb and Cr: light and shadow on it do not matter.

use super::sprite::Sprite;
use crate::{
    domain::look::ChromaKey,
    media::{Form, Picture, Sample},
};

/// The largest distance that two colours can have in Cb and Cr.
const LARGEST: f64 = 224.0 * std::f64::consts::SQRT_2;

/// Makes `out`, as large as `picture`, the picture without the colour.
pub fn apply<F: Form>(key: &ChromaKey, picture: &Picture<F>, out: &mut Sprite<F>) {
    let scale = (1 << F::Sample::FINER) as f32;
    let [_, cb, cr] = super::sprite::yuv::<F>(key.color).map(Sample::float);
    let (from, over) = ((key.similarity * LARGEST) as f32 * scale, (key.blend * LARGEST).max(1e-3) as f32 * scale);
    let (width, across, shared) = (picture.width(), picture.plane_width(1), 1 << F::SHARED);
    let opaque = F::Sample::MAX.float();
    let (planes, Some(alphas)) = out.parts_mut() else { return };
    for y in 0..picture.plane_height(1) {
        let (blue, red) = (picture.row(1, y), picture.row(2, y));
        let of_these = y * across..(y + 1) * across;
        let alpha: Vec<F::Sample> = blue
            .iter()
            .zip(red)
            .map(|(blue, red)| (blue.float() - cb).hypot(red.float() - cr))
            .map(|distance| F::Sample::of((((distance - from) / over).clamp(0.0, 1.0) * opaque) as i32))
            .collect();
        for row in shared * y..shared * (y + 1) {
            let out = row * width..(row + 1) * width;
            let outs = planes[0][out.clone()].iter_mut().zip(&mut alphas[0][out]);
            for (x, ((value, share), luma)) in outs.zip(picture.row(0, row)).enumerate() {
                *share = alpha[x >> F::SHARED];
                *value = luma.scaled(*share);
            }
        }
        alphas[F::SHARED][of_these.clone()].copy_from_slice(&alpha);
        for (plane, row) in [(1, blue), (2, red)] {
            for (out, (value, alpha)) in planes[plane][of_these.clone()].iter_mut().zip(row.iter().zip(&alpha)) {
                *out = value.scaled(*alpha);
            }
        }
    }
    out.look_at_spans();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::paint::Color,
        media::Yuv420,
        render::sprite::{Rows, yuv},
    };

    #[test]
    fn the_colour_is_clear_whatever_its_light_and_others_are_not() {
        let key = ChromaKey { color: Color { red: 0, green: 255, blue: 0, alpha: 255 }, similarity: 0.15, blend: 0.05 };
        for (color, alpha) in [((0, 255, 0), 0), ((20, 220, 20), 0), ((255, 255, 255), 255), ((200, 50, 50), 255)] {
            let mut picture = Picture::<Yuv420>::new(16, 16).unwrap();
            picture.fill(yuv::<Yuv420>(Color { red: color.0, green: color.1, blue: color.2, alpha: 255 }));
            let mut sprite = Sprite::clear(16, 16);
            apply(&key, &picture, &mut sprite);
            assert_eq!(sprite.alpha_row(0, 5).unwrap()[5], alpha, "{color:?}");
        }
    }
}
