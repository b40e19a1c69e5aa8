//! How large a batch of several partitions may be: the node logs a warning above a threshold of its own, by default
//! 5 KiB. It is read from the node, so raising it there is all that is needed.

use super::replicas;
use super::session::{Client, Level};

/// The node's default threshold, and the greatest batch that is of use, in bytes.
const THRESHOLD_BYTES: usize = 5 << 10;
const BATCH_BYTES_MAX: usize = 40 << 10;

/// Maximum size of merged batches in bytes, as [`super::write_rows`] counts them: a fifth below the node's threshold.
/// `None` where not every node holds every row, so that batches of several partitions would be split.
pub async fn merged_bytes(client: &Client, keyspace: &str) -> Option<usize> {
    if !replicas::hold_everything(client.session(), keyspace) {
        return None;
    }
    let cql = "SELECT value FROM system_views.settings WHERE name = 'batch_size_warn_threshold'";
    let threshold = match client.rows::<(String,)>(cql, Level::Quorum, &()).await {
        Ok(rows) => rows.first().and_then(|(value,)| bytes(value)),
        Err(error) => {
            // A role without that right, or a server without that table.
            tracing::debug!(?error, "cannot read the node's threshold of batches: taking its default");
            None
        }
    };
    let threshold = threshold.unwrap_or(THRESHOLD_BYTES);
    tracing::debug!(threshold, "batches of several partitions stay below the node's threshold");
    Some((threshold / 5 * 4).min(BATCH_BYTES_MAX))
}

/// A size as the node writes it: `5KiB`.
fn bytes(value: &str) -> Option<usize> {
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let factor = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_a_node_are_read() {
        let all = ["5KiB", "64KiB", "100B", "1MiB", "5", "KiB", "-5KiB", "5 KiB", "99999999999999999999MiB"];
        let expected = [Some(5_120), Some(65_536), Some(100), Some(1 << 20), None, None, None, None, None];
        assert_eq!(all.map(bytes), expected);
    }
}
