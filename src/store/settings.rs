//! Settings of a pipeline that readers need: rows of the table `meta`.

/// Settings of the pipeline that writes a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipelineSettings {
    /// Time step.
    pub step_ms: u64,
    /// How late a trade may be and still correct its candle.
    pub allowed_lateness_ms: u64,
}

impl PipelineSettings {
    /// Rows of the table `meta`.
    pub const fn rows(self) -> [(&'static str, u64); 2] {
        [("step_ms", self.step_ms), ("allowed_lateness_ms", self.allowed_lateness_ms)]
    }

    /// Settings from the rows of the table `meta`; `None` unless all are present.
    pub fn from_rows(rows: impl IntoIterator<Item = (String, u64)>) -> Option<Self> {
        let (mut step_ms, mut allowed_lateness_ms) = (None, None);
        for (name, value) in rows {
            match name.as_str() {
                "step_ms" => step_ms = Some(value),
                "allowed_lateness_ms" => allowed_lateness_ms = Some(value),
                _ => {}
            }
        }
        Some(Self { step_ms: step_ms?, allowed_lateness_ms: allowed_lateness_ms? })
    }
}
