//! Words that were replaced and must not come back; CONTRIBUTING.md and docs/glossary.md have the ones to use.

use crate::files::File;

/// A banned word or phrase.
struct Banned {
    /// Lower case, matched as whole words in any case. A final `*` also matches longer words. `_` separates words.
    phrase: &'static str,
    /// What to write instead.
    instead: &'static str,
    /// Phrases that contain it and are fine.
    except: &'static [&'static str],
}

const fn word(phrase: &'static str, instead: &'static str) -> Banned {
    Banned { phrase, instead, except: &[] }
}

const fn word_except(phrase: &'static str, instead: &'static str, except: &'static [&'static str]) -> Banned {
    Banned { phrase, instead, except }
}

const BANNED: &[Banned] = &[
    // Terms.
    word("horizon", "allowed lateness"),
    word("disorder", "max out-of-orderness"),
    word_except(
        "promise*",
        "progress",
        &["new promise(", "promise.all", "promise.race", "promise.resolve", "promise.any", "promise.withresolvers"],
    ),
    word("good-bye", "the source leaves; `bye` for the record"),
    word("goodbye", "the source leaves; `bye` for the record"),
    word("incarnation*", "epoch"),
    word_except(
        "gossip*",
        "control messages",
        &["skip_wait_for_gossip_to_settle", "inter-node gossip", "gossipingpropertyfilesnitch"],
    ),
    word("companion*", "store thread"),
    word("keeper", "store thread"),
    word("tally", "counter"),
    word("tallies", "counters"),
    word("hole", "gap"),
    word("holes", "gaps"),
    word("stranger*", "rejected connection"),
    word("fates", "delivery reports"),
    word("stands still", "is stalled"),
    word("stand still", "stall"),
    word("stood still", "stalled"),
    word("complete before", "complete up to"),
    word("shard of the watch list", "share"),
    // Flags and variables.
    word("--tick", "--step"),
    word("--horizon", "--allowed-lateness"),
    word("--max-disorder", "--max-out-of-orderness"),
    word("--lateness", "--max-out-of-orderness"),
    word("--shard", "--share"),
    word("--metrics-port", "--listen"),
    // Idiom.
    word("so long", "name the limit"),
    word("so often", "name the interval"),
    word("so many", "name the number"),
    word("so much", "name the amount"),
    word("so far behind", "name the limit"),
    word_except("is no", "is not a; invalid", &["there is no", "is no longer", "is no more than"]),
    word_except("is none", "is not; invalid", &["there is none"]),
    word("none but", "only"),
    word("whoever", "anyone who; name the reader"),
    word("anew", "again"),
    word("likewise", "also"),
    word("by and by", "gradually"),
    word("knocks", "connects"),
    word("went round", "ran"),
    word("goes round", "runs"),
    word("gone round", "run"),
    word("told", "reported, logged, sent"),
    word("tells", "reports, shows"),
    word("heard", "received"),
    word("hears", "receives"),
];

/// Files in which old words are data: the history, the table of renamed settings, and this table.
const EXEMPT: [&str; 4] =
    ["CHANGELOG.md", "src/command/renamed.rs", "tests/it/terminal/wrong.rs", "tests/tidy/words.rs"];

/// Examples printed for each phrase.
const EXAMPLES_MAX: usize = 8;

/// One entry for each banned phrase that occurs, with the number of lines and the first of them.
pub fn found(files: &[File]) -> Vec<String> {
    let lower = |file: &File| File::new(&file.path, &file.text.to_lowercase());
    let files: Vec<File> = files.iter().filter(|file| !is_exempt(file)).map(lower).collect();
    BANNED.iter().filter_map(|banned| entry(banned, &files)).collect()
}

fn is_exempt(file: &File) -> bool {
    // `stranger` is the name of a pod in the cluster's test; Terraform and Python have words of their own.
    let folders = ["tests/kube/", "terraform/", "docs/terraform.md"];
    let is_exempt_folder = folders.iter().any(|folder| file.path.starts_with(folder)) || file.is("py");
    file.is_foreign()
        || is_exempt_folder
        || EXEMPT.contains(&file.path.as_str())
        || file.path.ends_with("package-lock.json")
}

fn entry(banned: &Banned, files: &[File]) -> Option<String> {
    let line_of = |line: &str| occurs(banned, line).then(|| line.trim().chars().take(100).collect());
    let files = files.iter().filter(|file| file.text.contains(banned.phrase.trim_end_matches('*')));
    let mut lines: Vec<String> = files.flat_map(|file| file.lines_that(line_of)).collect();
    let count = lines.len();
    lines.truncate(EXAMPLES_MAX);
    let (phrase, instead) = (banned.phrase, banned.instead);
    (count > 0).then(|| format!("`{phrase}` (write: {instead}) on {count} lines:\n  {}", lines.join("\n  ")))
}

/// Whether a line, in lower case, has the phrase.
fn occurs(banned: &Banned, line: &str) -> bool {
    let mut line = line.to_owned();
    for fine in banned.except {
        line = line.replace(fine, " ");
    }
    let (phrase, is_prefix) = match banned.phrase.strip_suffix('*') {
        Some(prefix) => (prefix, true),
        None => (banned.phrase, false),
    };
    line.match_indices(phrase).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + phrase.len()..]);
        let starts = !before.ends_with(char::is_alphanumeric) || !phrase.starts_with(char::is_alphabetic);
        starts && (is_prefix || !after.starts_with(|c: char| c.is_alphanumeric() || c == '-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrases(line: &str) -> Vec<&'static str> {
        let line = line.to_lowercase();
        BANNED.iter().filter(|banned| occurs(banned, &line)).map(|banned| banned.phrase).collect()
    }

    #[test]
    fn old_words_are_found() {
        let lines = [
            ("/// So long a request may take.", "so long"),
            ("horizon_ms: u64,", "horizon"),
            ("Promised up to T", "promise*"),
            ("that is no symbol", "is no"),
            ("the address is none.", "is none"),
            ("`work --shard 0/2`", "--shard"),
            ("fn a_hole_is_recorded() {", "hole"),
            ("Whoever reads it", "whoever"),
            ("all start anew", "anew"),
        ];
        for (line, phrase) in lines {
            assert_eq!(phrases(line), [phrase], "{line}");
        }
    }

    #[test]
    fn plain_words_are_not_found() {
        let lines = [
            "await Promise.all(pages)",
            "there is no gap, and it is no longer late",
            "a horizontal line, a whole file, the sharded state",
            "as long as the store does not respond",
            "rejects --shards 3",
            "skip_wait_for_gossip_to_settle=0",
        ];
        for line in lines {
            assert_eq!(phrases(line), [""; 0], "{line}");
        }
    }

    #[test]
    fn an_entry_counts_lines_and_shows_some() {
        let many = File::new("a.md", &"a hole\n".repeat(20));
        let found = found(&[many, File::new("CHANGELOG.md", "a hole"), File::new("b.md", "a gap")]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("on 20 lines") && found[0].contains("a.md:1: a hole"), "{found:?}");
        assert_eq!(found[0].lines().count(), 1 + EXAMPLES_MAX);
    }
}
