//! The resume points of a store, as commands read them: where each partition goes on, and which sources are live there.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::Deserialize;

use crate::store::DurableFrontier;

/// A resume point as the worker publishes it.
#[derive(Deserialize)]
pub struct ResumePoint {
    /// Of which partition.
    pub partition: u32,
    /// Where a restart reads from.
    pub offset: u64,
    /// The partition's frontier there, in event milliseconds; none before the first promise.
    pub frontier: Option<u64>,
    /// Live sources there, each with its promise in event milliseconds.
    #[serde(default)]
    pub sources: BTreeMap<String, u64>,
}

/// Reads those that belong to a frontier of `store`; none before the first one.
pub fn points(durable: Option<&DurableFrontier>, store: &str) -> anyhow::Result<Vec<ResumePoint>> {
    match durable.map_or("", |durable| durable.resume.as_str()) {
        "" => Ok(Vec::new()),
        text => serde_json::from_str(text).with_context(|| format!("the resume points in {store} are none: {text:?}")),
    }
}
