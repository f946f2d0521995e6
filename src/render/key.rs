//! A colour that is seen through, by its distance in Cb and Cr: light and shadow on it do not matter.

use super::sprite::Sprite;
use crate::{domain::look::ChromaKey, media::Picture};

/// The largest distance that two colours can have in Cb and Cr.
const LARGEST: f64 = 224.0 * std::f64::consts::SQRT_2;

/// Makes `out`, as large as `picture`, the picture without the colour.
pub fn apply(key: &ChromaKey, picture: &Picture, out: &mut Sprite) {
    let [_, cb, cr] = super::sprite::yuv(key.color).map(f32::from);
    let (from, over) = ((key.similarity * LARGEST) as f32, (key.blend * LARGEST).max(1e-3) as f32);
    let (width, half) = (picture.width(), picture.width() / 2);
    let (planes, Some(alphas)) = out.parts_mut() else { return };
    for y in 0..picture.height() / 2 {
        let (blue, red) = (picture.row(1, y), picture.row(2, y));
        for x in 0..half {
            let distance = (f32::from(blue[x]) - cb).hypot(f32::from(red[x]) - cr);
            let alpha = (((distance - from) / over).clamp(0.0, 1.0) * 255.0) as u8;
            alphas[1][y * half + x] = alpha;
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let (x, y) = (x * 2 + dx, y * 2 + dy);
                alphas[0][y * width + x] = alpha;
                planes[0][y * width + x] = premultiplied(picture.row(0, y)[x], alpha);
            }
            planes[1][y * half + x] = premultiplied(blue[x], alpha);
            planes[2][y * half + x] = premultiplied(red[x], alpha);
        }
    }
    out.look_at_spans();
}

fn premultiplied(value: u8, alpha: u8) -> u8 {
    ((u16::from(value) * u16::from(alpha) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::paint::Color,
        render::sprite::{Raster, yuv},
    };

    #[test]
    fn the_colour_is_clear_whatever_its_light_and_others_are_not() {
        let key = ChromaKey { color: Color { red: 0, green: 255, blue: 0, alpha: 255 }, similarity: 0.15, blend: 0.05 };
        for (color, alpha) in [((0, 255, 0), 0), ((20, 220, 20), 0), ((255, 255, 255), 255), ((200, 50, 50), 255)] {
            let mut picture = Picture::new(16, 16).unwrap();
            picture.fill(yuv(Color { red: color.0, green: color.1, blue: color.2, alpha: 255 }));
            let mut sprite = Sprite::clear(16, 16);
            apply(&key, &picture, &mut sprite);
            assert_eq!(sprite.alpha_row(0, 5).unwrap()[5], alpha, "{color:?}");
        }
    }
}
