//! Rectangles, ellipses and gradients, drawn once.

use tiny_skia::{Color as SkiaColor, GradientStop, LinearGradient, Paint, Path, PathBuilder, Point, SpreadMode, Transform};

use super::drawing::{self, Drawing, Paper, Room};
use crate::domain::{
    geometry::Rect,
    look::{Gradient, Shape, ShapeKind},
    paint::Color,
};

/// Draws a shape as large as `bounds`, at a scale, with room around it; percentages of a stroke are of the canvas's
/// height.
pub fn draw(shape: &Shape, bounds: &Rect, corner: f64, canvas_height: f64, scale: f64, room: Room<'_>) -> Option<Drawing> {
    let width = shape.stroke.map_or(0.0, |stroke| stroke.width.resolve(canvas_height));
    let reach = width / 2.0 + room.margin;
    let around =
        Rect { x: bounds.x - reach, y: bounds.y - reach, width: bounds.width + 2.0 * reach, height: bounds.height + 2.0 * reach };
    let mut paper = Paper::around(&around, scale, room.within)?;
    let path = outline(shape.kind, bounds, corner)?;
    match (shape.gradient, shape.fill) {
        (Some(gradient), _) => paper.fill(&path, &gradient_paint(&gradient, bounds)?),
        (None, Some(color)) => paper.fill(&path, &drawing::paint(color)),
        (None, None) => {}
    }
    if let Some(stroke) = shape.stroke.filter(|_| width > 0.0) {
        paper.stroke(&[path], stroke.color, width, false);
    }
    paper.finish(room.margin)
}

fn outline(kind: ShapeKind, bounds: &Rect, corner: f64) -> Option<Path> {
    match kind {
        ShapeKind::Ellipse => {
            let (left, top) = (bounds.x as f32, bounds.y as f32);
            PathBuilder::from_oval(tiny_skia::Rect::from_ltrb(left, top, bounds.right() as f32, bounds.bottom() as f32)?)
        }
        ShapeKind::Rectangle | ShapeKind::Gradient => drawing::rounded(bounds, corner),
    }
}

/// From edge to edge through the middle; at an angle as CSS has it, so that the corners get the pure colours.
fn gradient_paint<'a>(gradient: &Gradient, bounds: &Rect) -> Option<Paint<'a>> {
    let (sin, cos) = gradient.angle.to_radians().sin_cos();
    let reach = ((bounds.width * cos).abs() + (bounds.height * sin).abs()) / 2.0;
    let middle = bounds.middle();
    let point = |sign: f64| Point::from_xy((middle.0 + sign * reach * cos) as f32, (middle.1 + sign * reach * sin) as f32);
    let color = |color: Color| SkiaColor::from_rgba8(color.red, color.green, color.blue, color.alpha);
    let stops = vec![GradientStop::new(0.0, color(gradient.from)), GradientStop::new(1.0, color(gradient.to))];
    let shader = LinearGradient::new(point(-1.0), point(1.0), stops, SpreadMode::Pad, Transform::identity())?;
    Some(Paint { shader, anti_alias: true, ..Paint::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: Rect = Rect { x: 10.0, y: 20.0, width: 40.0, height: 20.0 };
    const RED: Color = Color { red: 255, green: 0, blue: 0, alpha: 255 };

    fn shape(kind: ShapeKind) -> Shape {
        Shape { kind, fill: Some(RED), gradient: None, stroke: None }
    }

    #[test]
    fn a_rectangle_fills_its_box_and_an_ellipse_its_middle() {
        let rectangle = draw(&shape(ShapeKind::Rectangle), &BOX, 0.0, 100.0, 1.0, Room::default()).unwrap();
        assert_eq!(rectangle.rect, BOX);
        assert!(rectangle.image.pixels().all(|pixel| pixel.0 == [255, 0, 0, 255]));
        let ellipse = draw(&shape(ShapeKind::Ellipse), &BOX, 0.0, 100.0, 1.0, Room::default()).unwrap();
        let filled: u32 = ellipse.image.pixels().map(|pixel| u32::from(pixel.0[3])).sum::<u32>() / 255;
        // π/4 of the box.
        assert!(filled.abs_diff(628) < 10, "{filled}");
    }

    #[test]
    fn a_gradient_goes_from_colour_to_colour() {
        let gradient = Gradient { from: Color::BLACK, to: Color::WHITE, angle: 0.0 };
        let shape = Shape { gradient: Some(gradient), ..shape(ShapeKind::Gradient) };
        let drawn = draw(&shape, &BOX, 0.0, 100.0, 1.0, Room::default()).unwrap().image;
        let grey = |x| drawn.get_pixel(x, 10).0[0];
        assert!(grey(0) < 8 && grey(39) > 247 && grey(20).abs_diff(131) < 5, "{} {} {}", grey(0), grey(20), grey(39));
    }

    #[test]
    fn at_another_scale_it_lies_in_the_same_place() {
        let drawn = draw(&shape(ShapeKind::Rectangle), &BOX, 0.0, 100.0, 2.0, Room::default()).unwrap();
        assert_eq!((drawn.rect, drawn.image.width()), (BOX, 80));
    }
}
