//! Draws the state: a pure function of state, clock and size. Colours never carry information alone: a change has a
//! sign, and without colours rising and falling candles differ in their filling.

use dataflows::output::counters::Counter;
use indicatif::HumanCount;
use ratatui::Frame;
use ratatui::layout::{Constraint, Flex, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::state::State;
use crate::command::output::candlestick::{Scale, bar, cell, fell};
use crate::command::output::number::{exact, fitted};
use crate::escape::escaped;
use crate::pipeline_state::{Mood, PipelineState, State as Judged};
use crate::store::{StoredCandle, is_complete};
use crate::time::rfc3339;

/// Columns of the list next to a chart.
const LIST: u16 = 46;
/// Minimum columns of a terminal with a chart.
const CHART_FROM: u16 = 80;
/// Columns of a price next to the chart.
const PRICE: u16 = 11;

const KEYS: &str = " j/k select  1-5 resolution  / search  ? help  q quit";
const HELP: [&str; 9] = [
    "j k, arrows up and down   select a symbol",
    "page up and down, g G     previous or next page, first or last",
    "/                         search a symbol as you type",
    "1 2 3 4 5, left and right  5 s, 1 m, 5 m, 1 h, 1 d",
    "q, Esc, Ctrl-C            quit",
    "",
    "Everything up to the frontier is complete: it can change only by",
    "a late trade. Candles that are not complete yet are dim.",
    "Change is the change within the symbol's newest UTC day.",
];

/// Draws everything. Also records how many rows and candles fit, for the next query.
pub fn draw(frame: &mut Frame<'_>, state: &mut State, now_ms: u64) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(3), Constraint::Fill(1), Constraint::Length(1)]).areas(frame.area());
    frame.render_widget(Paragraph::new(head_lines(state, now_ms)), head);
    frame.render_widget(Paragraph::new(foot_line(state)), foot);
    let wide = body.width >= CHART_FROM;
    let list_columns = if wide { LIST } else { body.width };
    let [list, chart] = Layout::horizontal([Constraint::Length(list_columns), Constraint::Fill(1)]).areas(body);
    draw_list(frame, state, list);
    if wide {
        draw_chart(frame, state, chart);
    }
    if state.help {
        let [area] = Layout::horizontal([Constraint::Length(70)]).flex(Flex::Center).areas(frame.area());
        let area = Rect { height: (HELP.len() as u16 + 2).min(area.height), y: area.height / 4, ..area };
        let area = area.intersection(frame.area());
        frame.render_widget(Clear, area);
        let text: Vec<Line<'_>> = HELP.iter().map(|line| Line::from(format!(" {line}"))).collect();
        frame.render_widget(Paragraph::new(text).block(Block::bordered().title(" keys ")), area);
    }
}

/// The frontier, the state of the pipeline, and the counters as of the frontier.
fn head_lines(state: &State, now_ms: u64) -> Vec<Line<'static>> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let Some(judged) = state.judge(now_ms) else {
        return vec![Line::from(format!(" {}", state.store)), Line::from(" reading")];
    };
    let Some(durable) = &state.durable else {
        return vec![Line::from(format!(" {}", state.store)), judgement(state, &judged, now_ms)];
    };
    let row = &durable.row;
    let first = vec![
        Span::from(" complete up to "),
        Span::styled(rfc3339(row.frontier), bold),
        Span::from(format!("  epoch {}  digest {}", durable.epoch, row.digest)),
    ];
    let counts = [
        ("trades", row.counter(Counter::Trades)),
        ("late", row.counter(Counter::Late)),
        ("rejected", row.rejected()),
        ("gaps", row.counter(Counter::Gaps)),
        ("rows", u64::try_from(row.rows).unwrap_or(0)),
    ];
    let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {}", HumanCount(*count))).collect();
    vec![Line::from(first), judgement(state, &judged, now_ms), Line::from(format!(" {}", counts.join("  ")))]
}

/// The state of the pipeline, with the lag of a live one.
fn judgement(state: &State, judged: &PipelineState, now_ms: u64) -> Line<'static> {
    let frontier = state.durable.as_ref().map_or(0, |durable| durable.row.frontier);
    let lag_ms = now_ms.saturating_sub(frontier);
    let lag = if judged.state == Judged::Live {
        format!("  {}.{} s behind", lag_ms / 1_000, lag_ms % 1_000 / 100)
    } else {
        String::new()
    };
    let style = match (state.coloured, judged.mood) {
        (true, Mood::Bad) => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        (true, Mood::Busy) => Style::new().fg(Color::Yellow),
        (false, Mood::Bad) => Style::new().add_modifier(Modifier::BOLD),
        _ => Style::new(),
    };
    Line::styled(format!(" {}{lag}", escaped(&judged.line(now_ms))), style)
}

fn foot_line(state: &State) -> Line<'static> {
    if let Some(error) = &state.error {
        let style = if state.coloured { Style::new().fg(Color::Red) } else { Style::new() };
        return Line::styled(format!(" cannot read the store: {}", escaped(error)), style.add_modifier(Modifier::BOLD));
    }
    match &state.search {
        Some(text) => Line::from(format!(" search: {text}_   (Enter to finish)")),
        None => Line::styled(KEYS, Style::new().add_modifier(Modifier::DIM)),
    }
}

fn draw_list(frame: &mut Frame<'_>, state: &mut State, area: Rect) {
    let lines = usize::from(area.height.saturating_sub(1));
    state.page = lines.max(1);
    let selected = state.selected();
    // Scroll as little as needed to show the selected line.
    let at = selected.unwrap_or(0);
    state.first = state.first.clamp((at + 1).saturating_sub(state.page), at).min(state.list.len().saturating_sub(1));
    let room = usize::from(area.width).saturating_sub(31);
    let title = format!(" {:<room$} {:>10} {:>8} {:>8}", "symbol", "last", "change", "trades");
    let mut text = vec![Line::styled(title, Style::new().add_modifier(Modifier::DIM))];
    for (at, (symbol, day)) in state.list.iter().enumerate().skip(state.first).take(lines) {
        let name: String = escaped(symbol).chars().take(room).collect();
        let mark = if Some(at) == selected { Modifier::REVERSED } else { Modifier::empty() };
        let change =
            if day.open == 0.0 { String::new() } else { format!("{:+.2}%", (day.close / day.open - 1.0) * 100.0) };
        let trades = short(day.trades);
        text.push(Line::from(vec![
            Span::styled(format!(" {name:<room$} {:>10} ", fitted(day.close, 10)), Style::new().add_modifier(mark)),
            Span::styled(format!("{change:>8}"), direction(state, day).add_modifier(mark)),
            Span::styled(format!(" {trades:>8}"), Style::new().add_modifier(mark)),
        ]));
    }
    frame.render_widget(Paragraph::new(text), area);
}

/// Style of a rise or a fall.
fn direction(state: &State, candle: &StoredCandle) -> Style {
    match (state.coloured, fell(candle)) {
        (false, _) => Style::new(),
        (true, true) => Style::new().fg(Color::Red),
        (true, false) => Style::new().fg(Color::Green),
    }
}

fn draw_chart(frame: &mut Frame<'_>, state: &mut State, area: Rect) {
    let block = Block::bordered().title(chart_title(state));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    state.candles_max = usize::from(inside.width.saturating_sub(PRICE)).max(1);
    let rows = usize::from(inside.height.saturating_sub(2));
    let shown = &state.candles[state.candles.len().saturating_sub(state.candles_max)..];
    let (Some(first), Some(last)) = (shown.first(), shown.last()) else {
        frame.render_widget(Paragraph::new(" no candles"), inside);
        return;
    };
    if rows == 0 {
        return;
    }
    let scale = Scale::of(shown, rows);
    let most = shown.iter().map(|candle| candle.volume).fold(0.0, f64::max);
    let frontier = state.durable.as_ref().map_or(0, |durable| durable.row.frontier);
    let buffer = frame.buffer_mut();
    for (x, candle) in (inside.x..).zip(shown) {
        let complete = is_complete(candle.window_start_ms, state.resolution, frontier);
        let dim = if complete { Modifier::empty() } else { Modifier::DIM };
        let style = direction(state, candle).add_modifier(dim);
        let cells = (0..rows).map(|row| cell(candle, &scale, row, state.coloured));
        for (y, cell) in (inside.y..).zip(cells.chain([bar(candle.volume, most)])) {
            buffer[(x, y)].set_char(cell).set_style(style);
        }
    }
    let x = inside.right() - PRICE.min(inside.width);
    for (row, y) in (0..rows).zip(inside.y..).step_by(4) {
        buffer.set_stringn(x, y, format!(" {:>10}", scale.label(row, 10)), PRICE.into(), Style::new());
    }
    let ends = format!("{} .. {}", rfc3339(first.window_start_ms), rfc3339(last.window_start_ms));
    buffer.set_stringn(
        inside.x,
        inside.bottom() - 1,
        ends,
        inside.width.into(),
        Style::new().add_modifier(Modifier::DIM),
    );
}

fn chart_title(state: &State) -> String {
    let symbol = escaped(state.symbol.as_deref().unwrap_or("no symbol"));
    let name = format!(" {symbol}  {} ", state.resolution.name());
    match state.candles.last() {
        Some(last) => {
            let numbers = [("O", last.open), ("H", last.high), ("L", last.low), ("C", last.close), ("V", last.volume)];
            let numbers: Vec<String> =
                numbers.iter().map(|(name, value)| format!("{name} {}", exact(*value))).collect();
            format!("{name} {} ", numbers.join("  "))
        }
        None => name,
    }
}

/// A count in at most 8 columns.
fn short(count: u64) -> String {
    match count {
        0..10_000_000 => count.to_string(),
        10_000_000..10_000_000_000 => format!("{} M", count / 1_000_000),
        _ => format!("{} G", count / 1_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use dataflows::log::reject::Reason;
    use dataflows::output::frontier_row::FrontierRow;
    use dataflows::settings::ProgressMode;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::command::output::candlestick::tests::candle;
    use crate::command::top::state::tests::state;
    use crate::store::{DurableFrontier, Heartbeat, Life, PartitionLife, SourceLife};

    const FRONTIER: u64 = 1_381_152_600_000 + 6 * 60_000;

    fn drawn(state: &mut State, columns: u16, lines: u16) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
        terminal.draw(|frame| draw(frame, state, FRONTIER + 3_250)).unwrap();
        terminal.backend().buffer().clone()
    }

    fn text(buffer: &Buffer) -> Vec<String> {
        let line = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..buffer.area.height).map(|y| line(y).trim_end().to_owned()).collect()
    }

    /// The heartbeat of a pipeline whose only source is well.
    fn live() -> Heartbeat {
        let source = SourceLife { progress_ms: FRONTIER, last_record_ms: FRONTIER, moved_ms: FRONTIER };
        let sources = [("a".to_owned(), source)].into();
        let partition =
            PartitionLife { partition: 0, unread: Some(0), waiting: 0, frontier_ms: Some(FRONTIER), sources };
        let life = Life { ended: None, progress: ProgressMode::Records, partitions: vec![partition] };
        Heartbeat { epoch: 3, written_ms: FRONTIER, life }
    }

    /// Five complete candles and one incomplete.
    fn full() -> State {
        let mut state = state();
        state.coloured = true;
        let mut row = FrontierRow { frontier: FRONTIER, rows: 42, ..FrontierRow::empty() };
        row.counters[Counter::Trades.index()] = 1_234_567;
        row.counters[Counter::Rejected(Reason::BadJson).index()] = 2;
        row.counters[Counter::Rejected(Reason::TooFarAhead).index()] = 1;
        state.durable = Some(DurableFrontier { row, epoch: 3, resume: String::new() });
        state.heartbeat = Some(live());
        state.candles = (1..=6).map(|n| candle(n, n as f64, n as f64 + 2.0, n as f64 - 1.0, n as f64 + 1.0)).collect();
        state.candles[2].close = 2.0;
        state
    }

    #[test]
    fn a_wide_terminal_shows_everything() {
        let buffer = drawn(&mut full(), 100, 13);
        let wanted = [
            " complete up to 2013-10-07T13:36:00Z  epoch 3  digest 00000000000000000000000000000000",
            " Live  3.2 s behind",
            " trades 1,234,567  late 0  rejected 3  gaps 0  rows 42",
            " symbol                last   change   trades ┌ AAPL  1m  O 6  H 8  L 5  C 7  V 6 ─────────────────┐",
            " AAPL                   1.5  +50.00%        1 │    ╷╽                                           7.2│",
            " BINANCE:BTCUSDT        1.5  +50.00%        1 │  ╷╽┃╿                                              │",
            " NVDA                   1.5  +50.00%        1 │ ╷│┃│                                               │",
            "                                              │╽┃┃╵                                                │",
            "                                              │╿╵                                               0.8│",
            "                                              │▂▃▄▆▇█                                              │",
            "                                              │2013-10-07T13:31:00Z .. 2013-10-07T13:36:00Z        │",
            "                                              └────────────────────────────────────────────────────┘",
            KEYS,
        ];
        let lines = text(&buffer);
        assert_eq!(lines, wanted, "{}", lines.join("\n"));
        // The selected line is marked; the newest candle is dim, and the third fell.
        assert!(buffer[(2, 4)].modifier.contains(Modifier::REVERSED));
        assert!(!buffer[(2, 5)].modifier.contains(Modifier::REVERSED));
        let column = |n: u16| (0..6).map(|y| &buffer[(46 + n, 4 + y)]).find(|cell| cell.symbol() != " ").unwrap();
        assert_eq!([3, 6].map(|n| column(n).fg), [Color::Red, Color::Green]);
        assert_eq!([5, 6].map(|n| column(n).modifier.contains(Modifier::DIM)), [false, true]);
    }

    #[test]
    fn no_colours_when_disabled() {
        let mut state = full();
        state.coloured = false;
        let buffer = drawn(&mut state, 100, 12);
        assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
        let text = text(&buffer).join("\n");
        assert!(text.contains('█') && text.contains('░') && !text.contains('┃'), "{text}");
    }

    #[test]
    fn every_size_is_drawn() {
        let mut state = full();
        for (columns, lines) in [(1, 1), (10, 2), (30, 4), (60, 10), (79, 24), (80, 5), (300, 100)] {
            for help in [false, true] {
                state.help = help;
                drop(drawn(&mut state, columns, lines));
            }
        }
        state.help = false;
        let narrow = text(&drawn(&mut state, 60, 10));
        assert!(narrow[3].starts_with(" symbol") && !narrow.concat().contains('┌'), "{narrow:?}");
    }

    #[test]
    fn the_selected_line_is_visible() {
        let mut state = full();
        state.list = (0..100).map(|n| (format!("S{n:03}"), candle(1, 1.0, 1.0, 1.0, 1.0))).collect();
        for (selected, first) in [(0, 0), (4, 0), (7, 3), (50, 46), (47, 46), (99, 95), (0, 0)] {
            state.symbol = Some(format!("S{selected:03}"));
            let lines = text(&drawn(&mut state, 60, 10));
            assert!(lines[4].starts_with(&format!(" S{first:03}")), "{lines:?}");
            assert!(lines.iter().any(|line| line.starts_with(&format!(" S{selected:03}"))), "{lines:?}");
        }
    }

    #[test]
    fn errors_and_hints_are_shown() {
        let mut empty = State::new("sqlite:x".to_owned(), None, dataflows::progress::time::Resolution::S5);
        assert_eq!(text(&drawn(&mut empty, 100, 12))[1], " reading");
        empty.loaded = true;
        let lines = text(&drawn(&mut empty, 100, 12));
        assert_eq!(lines[1], " Nothing complete yet: no worker has written to this store yet");
        assert!(lines[3].contains(" no symbol  5s") && lines[4].contains("no candles"), "{lines:?}");
        empty.apply(Err("the disk is gone".to_owned()));
        let lines = text(&drawn(&mut empty, 100, 12));
        assert!(lines[1].starts_with(" Store down: the store cannot be read: the disk is gone"), "{lines:?}");
        assert!(lines[11].contains("cannot read the store: the disk is gone"), "{lines:?}");
        empty.apply(Err("said \u{1b}[2J\u{202e}".to_owned()));
        let lines = text(&drawn(&mut empty, 100, 12));
        assert!(lines[1].contains("said \\u{1b}[2J\\u{202e}") && lines[11].contains("\\u{202e}"), "{lines:?}");
        let mut strange = full();
        strange.list[0].0 = "A\u{200b}\u{202e}B".to_owned();
        strange.symbol = Some(strange.list[0].0.clone());
        let lines = text(&drawn(&mut strange, 100, 12)).concat();
        // Cut in the list, whole above the chart.
        assert_eq!(lines.matches("A\\u{200b}\\u{202").count(), 2, "{lines}");
        assert!(lines.contains("A\\u{200b}\\u{202e}B"), "{lines}");
        let mut searching = full();
        searching.search = Some("bt".to_owned());
        assert!(text(&drawn(&mut searching, 100, 12))[11].contains("search: bt_"));
        searching.help = true;
        assert!(text(&drawn(&mut searching, 100, 24)).concat().contains("can change only by"));
    }

    #[test]
    fn an_outage_is_said_and_recorded_data_is_not_late() {
        let mut state = full();
        if let Some(heartbeat) = &mut state.heartbeat {
            heartbeat.written_ms = 1_000;
        }
        let lines = text(&drawn(&mut state, 100, 12));
        assert!(lines[1].starts_with(" Worker down: no sign of life"), "{lines:?}");
        state.heartbeat = Some(live());
        state.heartbeat.iter_mut().for_each(|heartbeat| heartbeat.life.partitions[0].sources.clear());
        let lines = text(&drawn(&mut state, 100, 12));
        assert_eq!(lines[1], " At rest: complete up to 2013-10-07T13:36:00Z, all sources have left");
    }

    #[test]
    fn counts_are_short() {
        assert!([0, 9_999_999, 10_000_000, u64::MAX / 1_000_000_000_000].map(short).iter().all(|text| text.len() <= 8));
    }
}
