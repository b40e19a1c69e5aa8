//! The fast reader, for the known shapes: keys in Finnhub's order, no white space, no escapes, plain decimal numbers.
//!
//! It either decodes a whole record or returns `false` without calling the visitor. It never rejects a record: that
//! is for the general reader. Control records are rare and always go to the general reader.

use super::{RawTrade, TRADE_ID_BYTES_MAX, Visitor, in_range};
use crate::log::decimal::{Decimal, PRICE_DIGITS, VOLUME_DIGITS};
use crate::symbols::symbol::SYMBOL_BYTES_MAX;

/// Maximum number of trades in a frame; larger frames are rare and go to the general reader.
const FRAME_TRADES_MAX: usize = 64;

/// Powers of ten, by exponent.
const POWERS: [u64; 19] = {
    let mut powers = [1; 19];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// Decodes a trade or a frame of trades; `false` when the record has another shape.
#[inline]
pub fn decode(whole: &[u8], visitor: &mut impl Visitor) -> bool {
    let record = whole.strip_suffix(b"\r").unwrap_or(whole);
    if [b"{\"c\":", b"{\"p\":", b"{\"id\"", b"{\"i\":"].iter().any(|start| record.starts_with(*start)) {
        let mut cursor = Cursor { bytes: record, at: 0 };
        match cursor.trade() {
            Some(trade) if cursor.at == record.len() => {
                visitor.trade(0, &RawTrade { bytes: whole, ..trade });
                true
            }
            _ => false,
        }
    } else {
        decode_frame(record, visitor)
    }
}

/// `{"data":[..],"type":"trade"}`, as Finnhub writes it, or `{"type":"trade","data":[..]}`, as our ingest does.
fn decode_frame(record: &[u8], visitor: &mut impl Visitor) -> bool {
    let inner = record
        .strip_prefix(b"{\"type\":\"trade\",\"data\":[")
        .and_then(|rest| rest.strip_suffix(b"]}"))
        .or_else(|| record.strip_prefix(b"{\"data\":[").and_then(|rest| rest.strip_suffix(b"],\"type\":\"trade\"}")));
    let Some(inner) = inner else { return false };
    let mut cursor = Cursor { bytes: inner, at: 0 };
    let mut trades = [const { None }; FRAME_TRADES_MAX];
    let mut len = 0;
    loop {
        let Some(slot) = trades.get_mut(len) else { return false };
        let Some(trade) = cursor.trade() else { return false };
        *slot = Some(trade);
        len += 1;
        match cursor.peek() {
            None => break,
            Some(b',') => cursor.at += 1,
            Some(_) => return false,
        }
    }
    for (index, trade) in trades[..len].iter().flatten().enumerate() {
        visitor.trade(index as u32, trade);
    }
    true
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// These bytes come next. Of a known number, so that they are compared at once and not by a call.
    #[inline]
    fn expect<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        let found = self.bytes.get(self.at..)?.first_chunk::<N>()? == text;
        self.at += N;
        found.then_some(())
    }

    #[inline]
    fn trade(&mut self) -> Option<RawTrade<'a>> {
        let (start, mut conditions) = (self.at, "");
        self.expect(b"{\"")?;
        if self.peek()? == b'c' {
            self.expect(b"c\":")?;
            conditions = self.conditions()?;
            self.expect(b",\"")?;
        }
        let id = if self.peek()? == b'i' { self.id()? } else { "" };
        self.expect(b"p\":")?;
        let price = self.price()?;
        self.expect(b",\"s\":\"")?;
        let symbol = self.symbol()?;
        self.expect(b",\"t\":")?;
        let event_ms = self.integer()?;
        self.expect(b",\"v\":")?;
        let volume = self.number(VOLUME_DIGITS as usize)?;
        self.expect(b"}")?;
        if !in_range(price, volume, event_ms) {
            return None;
        }
        let (event_ms, bytes) = (event_ms as u64, &self.bytes[start..self.at]);
        let (price, volume) = (price.value, volume.value);
        Some(RawTrade { symbol, price, volume, event_ms, conditions, rounded: false, id, bytes })
    }

    /// A member `id` or `i`, after its opening quote: a text without escapes, or an integer. Reads on to the next
    /// member.
    fn id(&mut self) -> Option<&'a str> {
        if self.bytes.get(self.at + 1) == Some(&b'd') {
            self.expect(b"id\":")?
        } else {
            self.expect(b"i\":")?
        }
        let start = self.at;
        let id = if self.peek()? == b'"' {
            self.text()?
        } else {
            self.digits()?;
            &self.bytes[start..self.at]
        };
        self.expect(b",\"")?;
        let fits = (1..=TRADE_ID_BYTES_MAX).contains(&id.len());
        std::str::from_utf8(id).ok().filter(|_| fits)
    }

    /// `null`, `[]`, or texts without escapes, of printable ASCII.
    #[inline]
    fn conditions(&mut self) -> Option<&'a str> {
        let start = self.at;
        if self.peek()? == b'n' {
            return self.expect(b"null").map(|()| "null");
        }
        self.expect(b"[")?;
        if self.peek()? == b'"' {
            loop {
                self.text()?;
                match self.peek()? {
                    b',' => self.at += 1,
                    _ => break,
                }
            }
        }
        self.expect(b"]")?;
        std::str::from_utf8(&self.bytes[start..self.at]).ok()
    }

    /// A text without escapes, of printable ASCII; the bytes between its quotes.
    #[inline]
    fn text(&mut self) -> Option<&'a [u8]> {
        self.expect(b"\"")?;
        let rest = &self.bytes[self.at..];
        let len = rest.iter().position(|&b| b == b'"' || b == b'\\' || !(0x20..0x7f).contains(&b))?;
        self.at += len + 1;
        (rest[len] == b'"').then(|| &rest[..len])
    }

    /// A symbol, after its opening quote.
    #[inline]
    fn symbol(&mut self) -> Option<&'a str> {
        self.at -= 1;
        let symbol = self.text()?;
        if symbol.is_empty() || symbol.len() > SYMBOL_BYTES_MAX {
            return None;
        }
        std::str::from_utf8(symbol).ok()
    }

    /// Digits without a superfluous leading zero: at most 17, so that they fit.
    #[inline]
    fn digits(&mut self) -> Option<u64> {
        let start = self.at;
        let mut value = 0_u64;
        while let Some(digit) = self.peek().map(|b| b.wrapping_sub(b'0')).filter(|&d| d < 10) {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            self.at += 1;
        }
        let len = self.at - start;
        let leading_zero = len > 1 && self.bytes[start] == b'0';
        (1..=17).contains(&len).then_some(value).filter(|_| !leading_zero)
    }

    #[inline]
    fn integer(&mut self) -> Option<i64> {
        i64::try_from(self.digits()?).ok()
    }

    #[inline]
    fn price(&mut self) -> Option<Decimal> {
        let negative = self.peek()? == b'-';
        self.at += usize::from(negative);
        let price = self.number(PRICE_DIGITS as usize)?;
        Some(Decimal { value: if negative { -price.value } else { price.value }, ..price })
    }

    /// A number with at most 17 digits before the point and `digits` after it, and no exponent.
    #[inline]
    fn number(&mut self, digits: usize) -> Option<Decimal> {
        let whole = i128::from(self.digits()?) * i128::from(POWERS[digits]);
        if self.peek()? != b'.' {
            return Some(Decimal { value: whole, rounded: false });
        }
        self.at += 1;
        let start = self.at;
        let mut fraction = 0_u64;
        while let Some(digit) = self.peek().map(|b| b.wrapping_sub(b'0')).filter(|&d| d < 10) {
            fraction = fraction.wrapping_mul(10).wrapping_add(u64::from(digit));
            self.at += 1;
        }
        let len = self.at - start;
        if len == 0 || len > digits {
            return None;
        }
        Some(Decimal { value: whole + i128::from(fraction * POWERS[digits - len]), rounded: false })
    }
}
