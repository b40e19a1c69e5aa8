//! Text tables. Cells may hold text from outside: what a terminal would not show as it is, is shown as its number.

use crate::escape::escaped;

/// Aligns a header and rows: the first column to the left, the others to the right.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let safe = |row: &Vec<String>| row.iter().map(|cell| escaped(cell).into_owned()).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(safe).collect();
    let width_of = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width_of).collect();
    let header: Vec<String> = header.iter().map(ToString::to_string).collect();
    let line = |cells: &Vec<String>| {
        let cell = |(at, (cell, width)): (usize, (&String, &usize))| {
            if at == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        };
        let cells: Vec<String> = cells.iter().zip(&widths).enumerate().map(cell).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    std::iter::once(&header).chain(&rows).map(line).collect()
}

/// A table whose last column is left-aligned text of any length: `texts` has its header and then one cell per row.
pub fn table_with_texts(header: &[&str], rows: &[Vec<String>], texts: &[&str]) -> String {
    let table = table(header, rows);
    table.lines().zip(texts).map(|(line, text)| format!("{line}  {}\n", escaped(text))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [["a", "1"], ["bbb", "1000"]].map(|row| row.map(String::from).to_vec());
        assert_eq!(table(&["name", "n"], &rows), "name     n\na        1\nbbb   1000\n");
        assert_eq!(table(&["name", "n"], &[]), "name  n\n");
        let with_texts = table_with_texts(&["name", "n"], &rows, &["text", "one", "all of it"]);
        let strange = [vec!["\u{1b}[2J".to_owned(), "\u{202e}1".to_owned()]];
        let shown = table_with_texts(&["name", "n"], &strange, &["text", "a\nb\u{200b}"]);
        assert_eq!(shown, "name               n  text\n\\u{1b}[2J  \\u{202e}1  a\\u{a}b\\u{200b}\n");
        assert_eq!(with_texts, "name     n  text\na        1  one\nbbb   1000  all of it\n");
    }
}
