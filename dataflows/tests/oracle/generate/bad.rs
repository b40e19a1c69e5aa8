//! Invalid records, and some that look invalid but are not. `@` stands for the time of the step.

use proptest::prelude::*;

/// Texts that are rejected as a record or as an element of a frame (or accepted, where the comment says so).
const TRADES: [&str; 50] = [
    "{}",
    r#"{"p":1,"s":"A","t":@}"#,
    r#"{"p":1,"s":"A","v":1}"#,
    r#"{"s":"A","t":@,"v":1}"#,
    r#"{"p":1,"t":@,"v":1}"#,
    r#"{"p":1,"S":"A","t":@,"v":1}"#,
    r#"{"p":1,"s":null,"t":@,"v":1}"#,
    r#"{"p":1,"s":5,"t":@,"v":1}"#,
    r#"{"p":1,"s":"","t":@,"v":1}"#,
    r#"{"p":1,"s":"A\u0007","t":@,"v":1}"#,
    r#"{"p":1,"s":"A\u0085B","t":@,"v":1}"#,
    r#"{"p":1,"s":"A\n","t":@,"v":1}"#,
    r#"{"p":1,"s":"A\u200b","t":@,"v":1}"#,
    r#"{"p":1,"s":"\u202eA","t":@,"v":1}"#,
    // A tag, as two surrogates.
    r#"{"p":1,"s":"A\udb40\udc41","t":@,"v":1}"#,
    r#"{"p":"1","s":"A","t":@,"v":1}"#,
    r#"{"p":null,"s":"A","t":@,"v":1}"#,
    r#"{"p":true,"s":"A","t":@,"v":1}"#,
    r#"{"p":[1],"s":"A","t":@,"v":1}"#,
    r#"{"p":1,"s":"A","t":@,"v":"1"}"#,
    r#"{"p":1,"s":"A","t":@,"v":{}}"#,
    r#"{"p":1,"s":"A","t":"@","v":1}"#,
    r#"{"p":1,"s":"A","t":@.5,"v":1}"#,
    r#"{"p":1,"s":"A","t":@.0,"v":1}"#,
    r#"{"p":1,"s":"A","t":1.5e12,"v":1}"#,
    r#"{"p":1,"s":"A","t":99999999999999999999,"v":1}"#,
    r#"{"p":1,"s":"A","t":@,"v":1,"c":"1"}"#,
    r#"{"p":1,"s":"A","t":@,"v":1,"c":["1",2]}"#,
    r#"{"p":1,"s":"A","t":@,"v":1,"c":{}}"#,
    r#"{"p":1,"s":"A","t":@,"v":1,"c":["1",null]}"#,
    // Prices of 0 and below are taken.
    r#"{"p":-1,"s":"A","t":@,"v":1}"#,
    r#"{"p":0,"s":"A","t":@,"v":1}"#,
    r#"{"p":0.0000000000000000005,"s":"A","t":@,"v":1}"#,
    r#"{"p":-1000000000000.1,"s":"A","t":@,"v":1}"#,
    // Five digits would be left of it; of the next six, and of the last nothing is lost: both are taken.
    r#"{"p":-0.0000000000000123456,"s":"A","t":@,"v":1}"#,
    r#"{"p":0.0000000000001234567,"s":"A","t":@,"v":1}"#,
    r#"{"p":0.000000000000000001,"s":"A","t":@,"v":1}"#,
    r#"{"p":1,"s":"A","t":@,"v":-1}"#,
    r#"{"p":1,"s":"A","t":@,"v":1e-11}"#,
    r#"{"p":1e400,"s":"A","t":@,"v":1}"#,
    r#"{"p":1,"s":"A","t":@,"v":1e99999999999999999999}"#,
    r#"{"p":1000000000001,"s":"A","t":@,"v":1}"#,
    r#"{"p":1,"s":"A","t":@,"v":1000000000000001}"#,
    r#"{"p":1000000,"s":"A","t":@,"v":1000000001}"#,
    r#"{"p":1,"s":"A","t":0,"v":1}"#,
    r#"{"p":1,"s":"A","t":-9223372036854775808,"v":1}"#,
    r#"{"p":1,"s":"A","t":31535999999,"v":1}"#,
    r#"{"p":1,"s":"A","t":9214646400000,"v":1}"#,
    r#"{"p":1,"s":"A","t":4102444800000,"v":1}"#,
    // The greatest price x volume: taken.
    r#"{"p":-1e12,"s":"A","t":@,"v":1e15}"#,
];

/// Records that are not trades, or not JSON at all, or control records of any kind.
const RECORDS: [&str; 71] = [
    // The header of a schema registry, and one byte less than that.
    "\0\0\0\0\u{1}{}",
    "\0\0\0\0\u{1}",
    "\0\0\0\u{1}",
    "",
    " ",
    "[]",
    "null",
    "5",
    r#""text""#,
    "{",
    "{} {}",
    "{},",
    r#"{"p":NaN,"s":"A","t":@,"v":1}"#,
    r#"{"p":Infinity,"s":"A","t":@,"v":1}"#,
    r#"{"p":01,"s":"A","t":@,"v":1}"#,
    r#"{"p":+1,"s":"A","t":@,"v":1}"#,
    r#"{"p":1.,"s":"A","t":@,"v":1}"#,
    r#"{"p":.5,"s":"A","t":@,"v":1}"#,
    r#"{"p":1,"s":"A","t":@,"v":1,}"#,
    r#"{"p":1,"s":"A","t":@,"v":1"#,
    r#"{"p":1,"s":"A","t":@,"v":1}}"#,
    r#"{"p":1,"s":'A',"t":@,"v":1}"#,
    r#"{"p":1,"s":"A\x","t":@,"v":1}"#,
    r#"{"p":1,"s":"A","t":@,"v":1,"x":tru}"#,
    r#"{"type":"trade"}"#,
    r#"{"type":"trade","data":null}"#,
    r#"{"type":"trade","data":{"p":1}}"#,
    r#"{"type":"trade","data":[]}"#,
    r#"{"type":"trade","data":[{"p":1,"s":"A","t":@,"v":1},NaN]}"#,
    r#"{"type":"trade","p":1,"s":"A","t":@,"v":1}"#,
    r#"{"type":"ping"}"#,
    r#"{"type":"Trade","data":[]}"#,
    r#"{"type":5}"#,
    r#"{"type":null,"p":1,"s":"A","t":@,"v":1}"#,
    r#"{"type":["trade"]}"#,
    r#"{"type":"trade","type":"news"}"#,
    r#"{"type":"news","type":"gap","source":"b","from_ms":1,"to_ms":2,"cause":""}"#,
    r#"{"type":"progress"}"#,
    r#"{"type":"progress","source":"b"}"#,
    r#"{"type":"progress","event_ms":@}"#,
    r#"{"type":"progress","source":"","event_ms":@}"#,
    r#"{"type":"progress","source":"b\u200b","event_ms":@}"#,
    r#"{"type":"bye","source":"b\u2066"}"#,
    r#"{"type":"gap","source":"\ufeffb","from_ms":1,"to_ms":2,"cause":"\u200b"}"#,
    r#"{"type":"progress","source":5,"event_ms":@}"#,
    r#"{"type":"progress","source":"b","event_ms":"@"}"#,
    r#"{"type":"progress","source":"b","event_ms":@.5}"#,
    r#"{"type":"progress","source":"b","event_ms":1e30}"#,
    r#"{"type":"progress","source":"b","event_ms":-1}"#,
    r#"{"type":"progress","source":"b","event_ms":4102444800000}"#,
    // The least valid progress.
    r#"{"type":"progress","source":"b","event_ms":0}"#,
    // Escapes, order, white space and a repeated key: still valid progress.
    r#" { "event_ms":"x", "\u0073ource":"\u0062" ,"event_ms": @ , "\u0074ype" : "pro\u0067ress" } "#,
    r#"{"type":"bye"}"#,
    r#"{"type":"bye","source":null}"#,
    r#"{"type":"bye","source":"nobody"}"#,
    r#"{"type":"gap","source":"b"}"#,
    r#"{"type":"gap","source":"b","from_ms":1,"to_ms":2}"#,
    r#"{"type":"gap","source":"b","from_ms":1,"to_ms":2,"cause":3}"#,
    r#"{"type":"gap","source":"b","from_ms":1.5,"to_ms":2,"cause":"x"}"#,
    r#"{"type":"gap","source":"b","from_ms":9223372036854775808,"to_ms":2,"cause":"x"}"#,
    r#"{"type":"gap","source":"b","from_ms":9223372036854775807,"to_ms":-9223372036854775808,"cause":"\u0000\u00e9"}"#,
    r#"{"type":"gap","source":"b","from_ms":-1,"to_ms":2,"cause":"x","more":[]}"#,
    r#"{"type":"import","source":"b","state":"begin","name":"","hash":"","records":0,"from_ms":@,"to_ms":@}"#,
    r#"{"to_ms":@,"from_ms":@,"records":9,"hash":"f0","name":"a","state":"e\u006ed","source":"b","type":"import"}"#,
    r#"{"type":"import","source":"b","state":"middle","name":"a","hash":"f0","records":0,"from_ms":@,"to_ms":@}"#,
    r#"{"type":"import","source":"b","state":"begin","name":"a","hash":"f0","records":-1,"from_ms":@,"to_ms":@}"#,
    r#"{"type":"import","source":"b","state":"begin","name":"a","hash":7,"records":1,"from_ms":@,"to_ms":@}"#,
    r#"{"type":"import","source":"b","state":"begin","hash":"f0","records":1,"from_ms":@,"to_ms":@}"#,
    r#"{"type":"import","state":"begin","name":"a","hash":"f0","records":1,"from_ms":@,"to_ms":@}"#,
    r#"{"type":"import","source":"b","state":"end","name":"a","hash":"f0","records":1,"from_ms":@}"#,
    r#"{"type":"import","source":"b","state":"end","name":"a","hash":"f0","records":1,"from_ms":-1,"to_ms":@}"#,
];

/// An element of a frame that is odd, and JSON.
pub fn element() -> impl Strategy<Value = String> {
    let other = ["null", "5", "\"x\"", "[]", "[{}]", r#"{"type":"progress","p":1,"s":"A","t":@,"v":1}"#];
    prop_oneof![
        4 => prop::sample::select(TRADES.to_vec()).prop_map(str::to_string),
        1 => prop::sample::select(other.to_vec()).prop_map(str::to_string),
    ]
}

/// A record that is odd. None holds a line end.
pub fn record() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(any::<u8>().prop_filter("no line end", |b| !matches!(b, b'\n' | b'\r')), 0..40);
    // An otherwise good trade with one byte struck out or replaced.
    let good = r#"{"c":["1"],"p":7296.89,"s":"AAPL","t":@,"v":0.5}"#;
    let broken = (0..good.len(), any::<u8>()).prop_map(move |(at, byte)| {
        let mut bytes = good.as_bytes().to_vec();
        if matches!(byte, b'\n' | b'\r') || byte % 4 == 0 {
            bytes.remove(at);
        } else {
            bytes[at] = byte;
        }
        bytes
    });
    prop_oneof![
        40 => prop::sample::select(TRADES.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        50 => prop::sample::select(RECORDS.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        10 => noise,
        20 => broken,
        5 => long_symbol(),
        3 => long_record(),
    ]
}

/// One byte too long, and ten thousand.
fn long_symbol() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![127_usize, 128, 129, 10_000]).prop_map(|len| {
        let symbol = "S".repeat(len);
        format!(r#"{{"p":1,"s":"{symbol}","t":@,"v":1}}"#).into_bytes()
    })
}

/// Lengths around the maximum, and around the kept length of rejected records.
fn long_record() -> impl Strategy<Value = Vec<u8>> {
    let lengths = vec![1 << 20, (1 << 20) + 1, 64 << 10, (64 << 10) + 1];
    (prop::sample::select(lengths), any::<bool>()).prop_map(|(len, rejected)| {
        // Thirteen digits of time take the place of one character.
        let p = if rejected { "{}" } else { "15" };
        let frame = format!(r#"{{"p":{p},"s":"A","t":@,"v":1,"x":""}}"#);
        let fill = "x".repeat(len - (frame.len() + 12));
        frame.replace(r#""x":"""#, &format!(r#""x":"{fill}""#)).into_bytes()
    })
}

/// Frames of nothing but invalid elements: about as many as have rows of their own, and more.
pub fn garbage_frame() -> impl Strategy<Value = Vec<u8>> {
    let elements = prop_oneof![255_usize..259, Just(600)];
    (elements, prop::sample::select(vec!["7", " {} ", "{\"p\":1}"])).prop_map(|(elements, element)| {
        let elements = vec![element; elements].join(",");
        format!("{{\"type\":\"trade\",\"data\":[{elements}]}}").into_bytes()
    })
}
