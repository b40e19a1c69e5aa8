//! Kinds of the store's statements, by verb and table.

fn is(statement: &str, verb: &str, table: &str) -> bool {
    let mut words = statement.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    words.next().is_some_and(|first| first.eq_ignore_ascii_case(verb)) && words.any(|word| word == table)
}

fn changes(statement: &str, table: &str) -> bool {
    ["INSERT", "UPDATE"].iter().any(|verb| is(statement, verb, table))
}

pub fn opens_epoch(statement: &str) -> bool {
    changes(statement, "epochs")
}

pub fn writes_candles(statement: &str) -> bool {
    is(statement, "INSERT", "candles_5s")
}

pub fn keeps_minute(statement: &str) -> bool {
    changes(statement, "frontier_history")
}

pub fn commits_frontier(statement: &str) -> bool {
    changes(statement, "frontier") && statement.contains("digest")
}

pub fn fences_frontier(statement: &str) -> bool {
    changes(statement, "frontier") && !statement.contains("digest")
}

pub fn puts_shard(statement: &str) -> bool {
    changes(statement, "checkpoint_segments")
}

pub fn reads_shard(statement: &str) -> bool {
    is(statement, "SELECT", "checkpoint_segments")
}

pub fn commits_checkpoint(statement: &str) -> bool {
    changes(statement, "checkpoints") && statement.contains("header")
}

pub fn fences_checkpoints(statement: &str) -> bool {
    changes(statement, "checkpoints") && !statement.contains("header")
}

pub fn removes_shards(statement: &str) -> bool {
    is(statement, "DELETE", "checkpoint_segments")
}
