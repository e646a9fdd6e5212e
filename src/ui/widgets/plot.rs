//! Lines in braille: two by four dots a cell. Backgrounds that are there already (a shaded band) are kept.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A chart under construction. Coordinates are shares of the area: x from 0 (left) to 1, y from 0 (bottom) to 1.
pub struct Plot {
    area: Rect,
    braille: bool,
    cells: Vec<(u8, Style)>,
}

/// Bits of the braille dots of a cell, by column and row from the top.
const DOTS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

impl Plot {
    /// An empty chart.
    pub fn new(area: Rect, braille: bool) -> Self {
        let cells = usize::from(area.width) * usize::from(area.height);
        Self { area, braille, cells: vec![(0, Style::new()); cells] }
    }

    fn dots(&self) -> (i32, i32) {
        (i32::from(self.area.width) * 2, i32::from(self.area.height) * 4)
    }

    fn place(&self, x: f64, y: f64) -> (i32, i32) {
        let (width, height) = self.dots();
        let column = (x.clamp(0.0, 1.0) * f64::from(width - 1)).round() as i32;
        let row = ((1.0 - y.clamp(0.0, 1.0)) * f64::from(height - 1)).round() as i32;
        (column, row)
    }

    fn dot(&mut self, column: i32, row: i32, style: Style) {
        let (width, height) = self.dots();
        if !(0..width).contains(&column) || !(0..height).contains(&row) {
            return;
        }
        let cell = (row / 4) * i32::from(self.area.width) + column / 2;
        if let Some((dots, held)) = self.cells.get_mut(cell as usize) {
            *dots |= DOTS[(column % 2) as usize][(row % 4) as usize];
            *held = style;
        }
    }

    /// A point.
    pub fn point(&mut self, x: f64, y: f64, style: Style) {
        let (column, row) = self.place(x, y);
        self.dot(column, row, style);
    }

    /// A line between neighbours; a gap (`None`) breaks it.
    pub fn line(&mut self, points: impl Iterator<Item = Option<(f64, f64)>>, style: Style) {
        let mut before: Option<(i32, i32)> = None;
        for point in points {
            let Some((x, y)) = point else {
                before = None;
                continue;
            };
            let (column, row) = self.place(x, y);
            let (from_column, from_row) = before.unwrap_or((column, row));
            let steps = (column - from_column).abs().max((row - from_row).abs()).max(1);
            for step in 0..=steps {
                let along = |from: i32, to: i32| from + ((to - from) * step + steps / 2).div_euclid(steps);
                self.dot(along(from_column, column), along(from_row, row), style);
            }
            before = Some((column, row));
        }
    }

    /// The row of the screen, from the top of the area, that a height falls into.
    pub fn row(&self, y: f64) -> u16 {
        (self.place(0.0, y).1 / 4) as u16
    }

    /// The column of the screen, from the left of the area.
    pub fn column(&self, x: f64) -> u16 {
        (self.place(x, 0.0).0 / 2) as u16
    }

    /// Puts the dots on the screen.
    pub fn draw(self, buffer: &mut Buffer) {
        let area = self.area.intersection(buffer.area);
        if area != self.area {
            return;
        }
        for (index, (dots, style)) in self.cells.iter().enumerate().filter(|(_, (dots, _))| *dots != 0) {
            let x = area.x + (index % usize::from(area.width)) as u16;
            let y = area.y + (index / usize::from(area.width)) as u16;
            let braille = char::from_u32(0x2800 + u32::from(*dots)).unwrap_or(' ');
            buffer[(x, y)].set_char(if self.braille { braille } else { '*' }).set_style(*style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(points: &[Option<(f64, f64)>]) -> String {
        let area = Rect::new(0, 0, 4, 1);
        let mut buffer = Buffer::empty(area);
        let mut plot = Plot::new(area, true);
        plot.line(points.iter().copied(), Style::new());
        plot.draw(&mut buffer);
        buffer.content.iter().map(|cell| cell.symbol()).collect()
    }

    #[test]
    fn gaps_stay_gaps() {
        assert_eq!(text(&[Some((0.0, 0.0)), Some((1.0, 0.0))]), "⣀⣀⣀⣀");
        assert_eq!(text(&[Some((0.0, 0.0)), None, Some((1.0, 0.0))]), "⡀  ⢀");
    }

    #[test]
    fn nothing_is_drawn_outside() {
        assert_eq!(text(&[Some((-5.0, 9.0)), Some((7.0, 9.0))]), "⠉⠉⠉⠉");
        Plot::new(Rect::new(0, 0, 0, 0), true).draw(&mut Buffer::empty(Rect::new(0, 0, 1, 1)));
        let mut empty = Plot::new(Rect::new(0, 0, 0, 0), true);
        empty.point(0.5, 0.5, Style::new());
    }
}
