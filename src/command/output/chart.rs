//! Candlestick chart in text, as wide as the terminal (80 columns elsewhere), with a row of volumes. Coloured only on a
//! terminal without `NO_COLOR`.

use std::fmt::Write;
use std::io::IsTerminal as _;

use ratatui::crossterm::style::Stylize as _;
use ratatui::crossterm::terminal;

use crate::command::output::candlestick::{Scale, bar, cell, fell};
use crate::process::terminal::colours_are_wanted;
use crate::store::StoredCandle;
use crate::time::rfc3339;

/// Columns of a chart without a terminal.
const COLUMNS: u16 = 80;
/// Columns of a price and the space after it.
const LABEL: usize = 14;
/// Rows from the highest to the lowest price.
const ROWS: usize = 16;

/// Size and colours of a chart.
#[derive(Clone, Copy, Debug)]
pub struct Canvas {
    /// Columns of the whole chart.
    pub columns: usize,
    /// Whether to use colours.
    pub coloured: bool,
}

impl Canvas {
    /// The canvas that fits standard output.
    pub fn of_stdout() -> Self {
        let on_terminal = std::io::stdout().is_terminal();
        let columns = terminal::size().ok().filter(|_| on_terminal).map_or(COLUMNS, |(columns, _)| columns.max(40));
        Self { columns: columns.into(), coloured: on_terminal && colours_are_wanted() }
    }

    /// Number of windows that fit.
    pub fn windows(&self) -> usize {
        self.columns.saturating_sub(LABEL).max(1)
    }
}

/// Draws the newest candles that fit, oldest to the left. A window without trades has no column.
pub fn chart(candles: &[StoredCandle], canvas: Canvas) -> String {
    let shown = &candles[candles.len().saturating_sub(canvas.windows())..];
    let (Some(first), Some(last)) = (shown.first(), shown.last()) else { return "no candles\n".to_string() };
    let scale = Scale::of(shown, ROWS);
    let mut text = String::new();
    for row in 0..ROWS {
        let label = if row.is_multiple_of(5) { scale.label(row, LABEL - 2) } else { String::new() };
        let cells: String = shown.iter().map(|candle| draw(candle, &scale, row, canvas.coloured)).collect();
        let _ = writeln!(text, "{label:>width$}  {}", cells.trim_end(), width = LABEL - 2);
    }
    let most = shown.iter().map(|c| c.volume).fold(0.0, f64::max);
    let bars: String = shown.iter().map(|c| bar(c.volume, most)).collect();
    let _ = writeln!(text, "{:>width$}  {bars}", "volume", width = LABEL - 2);
    let (from, to) = (rfc3339(first.window_start_ms), rfc3339(last.window_start_ms));
    // If the line is too long, drop the less important parts first.
    let legend = if canvas.coloured { "" } else { "  ░ up █ down" };
    let lines = [format!("{from} .. {to}{legend}"), format!("{from} .. {to}"), to];
    let fits = |line: &&String| LABEL + line.chars().count() <= canvas.columns;
    let _ = writeln!(text, "{:LABEL$}{}", "", lines.iter().find(fits).map_or("", String::as_str));
    text
}

fn draw(candle: &StoredCandle, scale: &Scale, row: usize, coloured: bool) -> String {
    let cell = cell(candle, scale, row, coloured);
    if !coloured || cell == ' ' {
        return cell.to_string();
    }
    if fell(candle) { cell.red().to_string() } else { cell.green().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::output::candlestick::tests::candle;

    const PLAIN: Canvas = Canvas { columns: 80, coloured: false };

    #[test]
    fn rise_fall_and_wick_differ() {
        let candles = [candle(1, 0.0, 16.0, 0.0, 10.5), candle(8, 10.5, 10.5, 5.5, 5.5)];
        let text = chart(&candles, PLAIN);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), ROWS + 2);
        assert_eq!(lines[0], "        15.5  │");
        assert_eq!(lines[5], "        10.5  ░█");
        assert_eq!(lines[11], "              ░");
        assert_eq!(lines[ROWS], "      volume  ▁█");
        let coloured = chart(&candles, Canvas { coloured: true, ..PLAIN });
        assert!(coloured.contains("\u{1b}[") && !text.contains('\u{1b}'), "{coloured}");
        assert!(!coloured.contains('░') && coloured.contains('┃'), "{coloured}");
    }

    #[test]
    fn charts_fit_the_canvas() {
        for (count, price) in [(0, 1.0), (1, 1e-9), (200, 123_456_789_012.5), (66, 1e15), (3, 0.1)] {
            let candles: Vec<_> = (0..count).map(|n| candle(n, price, price * 1.5, price * 0.5, price)).collect();
            for columns in [40, 68, 80, 200] {
                let text = chart(&candles, Canvas { columns, coloured: false });
                assert!(text.lines().all(|line| line.chars().count() <= columns), "{text}");
            }
        }
        let flat = chart(&[candle(1, 5.0, 5.0, 5.0, 5.0)], PLAIN);
        assert!(flat.contains('░'), "{flat}");
    }
}
