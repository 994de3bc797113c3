//! The graphics state, as far as text needs it (PDF 32000-1 sections 8.4 and 9.3).

use super::geometry::{Matrix, Rectangle};

/// What `q` saves and `Q` restores.
#[derive(Debug, Clone, Copy)]
pub(super) struct GraphicsState {
    /// From user space to the space of the page.
    pub ctm: Matrix,
    /// What can be seen lies within it, in page space. Only upright rectangles are followed; other clips are left out.
    pub clip: Rectangle,
    pub text: TextState,
}

impl GraphicsState {
    pub(super) fn new(ctm: Matrix, clip: Rectangle) -> Self {
        Self { ctm, clip, text: TextState::default() }
    }
}

/// The parameters of table 104. Invisible text is read as well, because it is what OCR puts under a scan.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextState {
    /// An index into the fonts of the document.
    pub font: Option<usize>,
    pub size: f32,
    pub char_spacing: f32,
    pub word_spacing: f32,
    /// 1 where `Tz` says 100.
    pub horizontal_scale: f32,
    pub leading: f32,
    pub rise: f32,
    /// The rendering mode is the one that shows nothing (table 106).
    pub invisible: bool,
}

impl Default for TextState {
    fn default() -> Self {
        Self {
            font: None,
            size: 0.0,
            char_spacing: 0.0,
            word_spacing: 0.0,
            horizontal_scale: 1.0,
            leading: 0.0,
            rise: 0.0,
            invisible: false,
        }
    }
}

/// The two matrices of a text object (section 9.4.1).
#[derive(Debug, Clone, Copy)]
pub(super) struct TextObject {
    pub matrix: Matrix,
    pub line_matrix: Matrix,
}

impl TextObject {
    pub(super) const BEGIN: Self = Self { matrix: Matrix::IDENTITY, line_matrix: Matrix::IDENTITY };

    /// `Td`: to the start of the next line.
    pub(super) fn next_line(&mut self, x: f32, y: f32) {
        self.set(Matrix::translation(x, y).then(self.line_matrix));
    }

    /// `Tm`.
    pub(super) fn set(&mut self, matrix: Matrix) {
        *self = Self { matrix, line_matrix: matrix };
    }

    /// Moves on within the line, in text space units.
    pub(super) fn advance(&mut self, x: f32, y: f32) {
        self.matrix = Matrix::translation(x, y).then(self.matrix);
    }
}
