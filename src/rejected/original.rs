//! The rejected bytes themselves, so that they can be corrected and imported again.

use dataflows::log::control::Control;
use dataflows::log::decode::{RawTrade, Visitor, decode};
use dataflows::log::reject::Reason;
use dataflows::output::row::RejectedRow;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The rejected part of a record: of a frame only the one element, so that its valid trades are not imported twice,
/// else the whole record. `None` if the store has kept only its beginning.
pub fn original(row: &RejectedRow) -> Option<&[u8]> {
    let is_whole = row.original.len() as u64 == row.original_bytes_total;
    is_whole.then(|| element(&row.original, row.index as usize).unwrap_or(&row.original))
}

/// One element of a frame. If the decoder did not see every element, the record was rejected as a whole.
fn element(record: &[u8], index: usize) -> Option<&[u8]> {
    #[derive(Deserialize)]
    struct Frame<'a> {
        #[serde(borrow)]
        data: Vec<&'a RawValue>,
    }
    let frame: Frame<'_> = serde_json::from_slice(record).ok()?;
    let mut elements = Elements(0);
    decode(record, record.len() as u64, &mut elements);
    let element = frame.data.get(index)?.get().as_bytes();
    (elements.0 == frame.data.len()).then_some(element)
}

/// Number of elements that the decoder sees.
struct Elements(usize);

impl Visitor for Elements {
    fn trade(&mut self, _index: u32, _trade: &RawTrade<'_>) {
        self.0 += 1;
    }

    fn control(&mut self, _control: Control<'_>) {}

    fn reject(&mut self, _index: u32, _reason: Reason) {
        self.0 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_rejected_element_is_kept() {
        let row = |text: &str, index, total: usize| RejectedRow {
            partition: 0,
            offset: 0,
            index,
            reason: Reason::BadJson,
            original: text.as_bytes().into(),
            original_bytes_total: total as u64,
            as_of: 0,
        };
        let original = |text: &str, index, total| {
            original(&row(text, index, total)).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
        };
        let frame = r#"{"type":"trade","data":[{"s":"A"}, 7 ,{"s":"A","p":1,"t":1700000000000,"v":1}]}"#;
        let of_frame = [0, 1].map(|index| original(frame, index, frame.len()).unwrap());
        assert_eq!(of_frame, [r#"{"s":"A"}"#, "7"]);
        for whole in ["", "{", r#"{"s":"A"}"#, r#"{"type":"news","data":[1,2]}"#, r#"{"type":"trade","data":7}"#] {
            assert_eq!(original(whole, 0, whole.len()).as_deref(), Some(whole));
        }
        assert_eq!(original("abc", 0, 4), None, "its end is not kept");
    }
}
