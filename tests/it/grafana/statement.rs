//! Analysis of a statement: its table, and the number of partitions it names.

/// Where the text stands in no quotes and no brackets, split at each `separator`.
pub fn split<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let (mut depth, mut quoted, mut from, mut parts) = (0_i32, false, 0, Vec::new());
    for (at, character) in text.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 && !quoted && at >= from && text[at..].starts_with(separator) {
            parts.push(text[from..at].trim());
            from = at + separator.len();
        }
    }
    parts.push(text[from..].trim());
    parts
}

/// The table after `FROM`.
pub fn table(statement: &str) -> &str {
    let (_, rest) = statement.split_once(" FROM ").unwrap_or_else(|| panic!("no table: {statement}"));
    rest.split(' ').next().unwrap()
}

/// Number of values that a statement names for a partition key column; `None` if the column is not restricted.
pub fn values_of(statement: &str, column: &str) -> Option<usize> {
    let (_, conditions) = statement.split_once(" WHERE ")?;
    let end = [" PER PARTITION LIMIT ", " LIMIT ", " ALLOW FILTERING"];
    let conditions = end.iter().fold(conditions, |rest, word| split(rest, word)[0]);
    let bound = split(conditions, " AND ").into_iter().find_map(|condition| condition.strip_prefix(column))?;
    if bound.starts_with(" = ") {
        return Some(1);
    }
    let list = bound.strip_prefix(" IN (")?.strip_suffix(')')?;
    Some(split(list, ",").len())
}

/// The number after the last occurrence of a word.
pub fn number_after(statement: &str, word: &str) -> Option<usize> {
    let (_, rest) = statement.rsplit_once(word)?;
    rest.split_whitespace().next()?.parse().ok()
}

#[test]
fn partitions_are_counted() {
    let statement = "SELECT a FROM t WHERE s IN ('x, y','z') AND b IN (f((timestamp)1, 1mo), g(2)) AND w >= 3 LIMIT 5";
    assert_eq!((values_of(statement, "s"), values_of(statement, "b")), (Some(2), Some(2)));
    assert_eq!(values_of("SELECT a FROM t WHERE s = 'x' AND b = f(1) PER PARTITION LIMIT 1", "b"), Some(1));
    assert_eq!((values_of(statement, "w"), values_of("SELECT a FROM t", "s")), (None, None));
    assert_eq!((table(statement), number_after(statement, " LIMIT ")), ("t", Some(5)));
}
