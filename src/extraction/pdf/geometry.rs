//! Coordinates and transformation matrices (PDF 32000-1 section 8.3).

/// A point, or a vector, in the space its user says.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(in crate::extraction) struct Point {
    pub x: f32,
    pub y: f32,
}

impl Point {
    pub(in crate::extraction) fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }

    /// Positive when `other` lies to the left of this direction.
    pub(in crate::extraction) fn cross(self, other: Self) -> f32 {
        self.x * other.y - self.y * other.x
    }

    pub(in crate::extraction) fn length(self) -> f32 {
        // Coordinates are far from where squares overflow; `hypot` takes care of that at ten times the price.
        (self.x * self.x + self.y * self.y).sqrt()
    }

    pub(in crate::extraction) fn minus(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y }
    }

    /// This point, `distance` times `direction` further.
    pub(in crate::extraction) fn along(self, direction: Self, distance: f32) -> Self {
        Self { x: self.x + direction.x * distance, y: self.y + direction.y * distance }
    }
}

/// `[a b c d e f]`: a point is a row vector before it, so `first.then(second)` is the product in that order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::extraction) struct Matrix {
    pub a: f32,
    pub b: f32,
    pub c: f32,
    pub d: f32,
    pub e: f32,
    pub f: f32,
}

impl Matrix {
    pub(in crate::extraction) const IDENTITY: Self = Self { a: 1.0, b: 0.0, c: 0.0, d: 1.0, e: 0.0, f: 0.0 };

    pub(in crate::extraction) fn new([a, b, c, d, e, f]: [f32; 6]) -> Self {
        Self { a, b, c, d, e, f }
    }

    pub(in crate::extraction) fn translation(x: f32, y: f32) -> Self {
        Self { e: x, f: y, ..Self::IDENTITY }
    }

    pub(in crate::extraction) fn then(self, next: Self) -> Self {
        let origin = next.apply(Point { x: self.e, y: self.f });
        Self {
            a: self.a * next.a + self.b * next.c,
            b: self.a * next.b + self.b * next.d,
            c: self.c * next.a + self.d * next.c,
            d: self.c * next.b + self.d * next.d,
            e: origin.x,
            f: origin.y,
        }
    }

    pub(in crate::extraction) fn apply(self, point: Point) -> Point {
        Point { x: point.x * self.a + point.y * self.c + self.e, y: point.x * self.b + point.y * self.d + self.f }
    }

    /// How much larger things get, on the average of all directions.
    pub(in crate::extraction) fn expansion(self) -> f32 {
        (self.a * self.d - self.b * self.c).abs().sqrt()
    }

    /// Where the corners of a rectangle end up, as the smallest upright rectangle round them.
    pub(in crate::extraction) fn apply_to(self, rectangle: Rectangle) -> Rectangle {
        let Rectangle { x0, y0, x1, y1 } = rectangle;
        let corners = [(x0, y0), (x1, y0), (x0, y1), (x1, y1)].map(|(x, y)| self.apply(Point { x, y }));
        Rectangle {
            x0: corners.iter().fold(f32::INFINITY, |least, corner| least.min(corner.x)),
            y0: corners.iter().fold(f32::INFINITY, |least, corner| least.min(corner.y)),
            x1: corners.iter().fold(f32::NEG_INFINITY, |most, corner| most.max(corner.x)),
            y1: corners.iter().fold(f32::NEG_INFINITY, |most, corner| most.max(corner.y)),
        }
    }
}

/// An upright rectangle; `x0 <= x1` and `y0 <= y1`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(in crate::extraction) struct Rectangle {
    pub x0: f32,
    pub y0: f32,
    pub x1: f32,
    pub y1: f32,
}

impl Rectangle {
    pub(in crate::extraction) const EVERYWHERE: Self = Self { x0: f32::MIN, y0: f32::MIN, x1: f32::MAX, y1: f32::MAX };

    pub(in crate::extraction) fn area(self) -> f32 {
        (self.x1 - self.x0).max(0.0) * (self.y1 - self.y0).max(0.0)
    }

    /// Within it are both.
    pub(in crate::extraction) fn union(self, other: Self) -> Self {
        Self {
            x0: self.x0.min(other.x0),
            y0: self.y0.min(other.y0),
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
        }
    }

    pub(in crate::extraction) fn intersection(self, other: Self) -> Self {
        Self {
            x0: self.x0.max(other.x0),
            y0: self.y0.max(other.y0),
            x1: self.x1.min(other.x1),
            y1: self.y1.min(other.y1),
        }
    }
}

/// Lengths of a page fit an `f32`.
#[allow(clippy::cast_possible_truncation)]
pub(in crate::extraction) fn rectangle(rectangle: hayro_syntax::object::Rect) -> Rectangle {
    let hayro_syntax::object::Rect { x0, y0, x1, y1 } = rectangle;
    Rectangle { x0: x0.min(x1) as f32, y0: y0.min(y1) as f32, x1: x0.max(x1) as f32, y1: y0.max(y1) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_apply_from_left_to_right() {
        let scale = Matrix::new([2.0, 0.0, 0.0, 3.0, 0.0, 0.0]);
        let product = scale.then(Matrix::translation(10.0, 20.0));
        assert_eq!(product.apply(Point { x: 1.0, y: 1.0 }), Point { x: 12.0, y: 23.0 });
        assert!((product.expansion() - 6.0_f32.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn a_turned_rectangle_stands_upright_again() {
        let quarter_turn = Matrix::new([0.0, 1.0, -1.0, 0.0, 0.0, 0.0]);
        let turned = quarter_turn.apply_to(Rectangle { x0: 0.0, y0: 0.0, x1: 4.0, y1: 1.0 });
        assert_eq!(turned, Rectangle { x0: -1.0, y0: 0.0, x1: 0.0, y1: 4.0 });
        assert!((turned.area() - 4.0).abs() < 1e-6);
    }
}
