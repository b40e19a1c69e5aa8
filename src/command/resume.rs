//! The resume points of a store, as commands read them.

use anyhow::Context;
use dataflows::progress::resume::{ResumePoint, from_json};

use crate::store::DurableFrontier;

/// The resume points that belong to a frontier of `store`; none before the first frontier.
pub fn points(durable: Option<&DurableFrontier>, store: &str) -> anyhow::Result<Vec<ResumePoint>> {
    match durable.map_or("", |durable| durable.resume.as_str()) {
        "" => Ok(Vec::new()),
        text => from_json(text).with_context(|| format!("cannot parse the resume points in {store}: {text:?}")),
    }
}
