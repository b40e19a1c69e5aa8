//! Rows of a table: the header, and the columns that make a trade.

use std::borrow::Cow;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::decimal_text::json_number;
use super::event_time::TimeRule;
use super::fields::{Field, Fields};
use super::options::ReadOptions;

/// Delimiters that a header may have, the most usual first.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Reader of rows, for one input.
pub struct CsvTrades<'a> {
    options: &'a ReadOptions,
    row: Row,
    /// Index of each field's column.
    columns: [Option<usize>; 6],
    /// Names of the columns.
    header: Vec<String>,
    rule: TimeRule,
    symbol: Option<String>,
    /// The first line is a trade, and not a header.
    pub has_no_header: bool,
}

/// Splits lines into cells.
struct Row {
    delimiter: u8,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    cells: usize,
}

impl<'a> CsvTrades<'a> {
    /// A reader for the input of this name, which begins with this line; why it is not a table otherwise.
    pub fn new(options: &'a ReadOptions, name: &str, first_line: &[u8]) -> Result<Self, String> {
        let count = |delimiter: &u8| first_line.iter().filter(|byte| *byte == delimiter).count();
        // Of equal counts the last one counts, hence the reversed order.
        let delimiter = DELIMITERS.into_iter().rev().max_by_key(count).unwrap_or(b',');
        let mut row = Row { delimiter, bytes: Vec::new(), ends: Vec::new(), cells: 0 };
        row.split(first_line);
        let mut header: Vec<String> = (0..row.cells).map(|at| row.cell(at).trim().to_owned()).collect();
        let positions = options.preset.map_or(&[][..], |preset| preset.columns);
        let has_no_header = !positions.is_empty() && header.iter().any(|cell| json_number(cell).is_some());
        if has_no_header {
            header = positions.iter().map(ToString::to_string).collect();
        }
        let place = |name: &&str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
        let columns = Field::ALL.map(|field| options.names(field).iter().find_map(place));
        for field in [Field::Time, Field::Price, Field::Volume] {
            if columns[field as usize].is_none() {
                let name = field.name();
                return Err(format!(
                    "not JSON, and as the header of a table it has no column of the {name}; name it with --columns \
                     {name}=NAME"
                ));
            }
        }
        let (rule, symbol) = (options.time_rule(name), options.symbol(name));
        Ok(Self { options, row, columns, header, rule, symbol, has_no_header })
    }

    /// Name of the format.
    pub fn title(&self) -> &'static str {
        match self.row.delimiter {
            b'\t' => "TSV",
            _ => "CSV",
        }
    }

    /// The canonical trade that a row is, or the reason why it is not a trade.
    pub fn trade(&mut self, line: &[u8]) -> Result<Vec<u8>, String> {
        self.row.split(line);
        let mut fields = Fields::default();
        for field in Field::ALL {
            let Some(at) = self.columns[field as usize] else { continue };
            fields.names[field as usize] = &self.header[at];
            let cell = (at < self.row.cells).then(|| self.row.cell(at));
            if field == Field::Conditions {
                let codes = cell
                    .into_iter()
                    .flat_map(|cell| cell.split([',', ';']).map(str::trim).map(str::to_owned).collect::<Vec<_>>());
                fields.conditions = codes.filter(|code| !code.is_empty()).map(Cow::Owned).collect();
            } else {
                fields.texts[field as usize] = cell;
            }
        }
        let price = fields.texts[Field::Price as usize].as_deref().unwrap_or_default();
        fields.price_places = self.options.price_places(price);
        fields.canonical(&self.rule, self.symbol.as_deref())
    }
}

impl Row {
    fn split(&mut self, line: &[u8]) {
        let mut reader: Reader = ReaderBuilder::new().delimiter(self.delimiter).build();
        // A cell is never longer than its text, and there is at most one more than delimiters.
        self.bytes.resize(line.len() + 1, 0);
        self.ends.resize(line.len() + 2, 0);
        let (mut read, mut written, mut ends) = (0, 0, 0);
        loop {
            let (result, input, output, cells) =
                reader.read_record(&line[read..], &mut self.bytes[written..], &mut self.ends[ends..]);
            (read, written, ends) = (read + input, written + output, ends + cells);
            // The empty input that follows the line says that it is complete.
            if result != ReadRecordResult::InputEmpty || input == 0 {
                break;
            }
        }
        self.cells = ends;
    }

    fn cell(&self, at: usize) -> Cow<'_, str> {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        String::from_utf8_lossy(&self.bytes[start..self.ends[at]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::preset::Preset;

    fn trades(options: &ReadOptions, name: &str, lines: &[&str]) -> Vec<Result<String, String>> {
        let mut csv = CsvTrades::new(options, name, lines[0].as_bytes()).unwrap();
        let rows = if csv.has_no_header { lines } else { &lines[1..] };
        rows.iter().map(|line| csv.trade(line.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())).collect()
    }

    fn preset(name: &str) -> ReadOptions {
        ReadOptions { preset: Some(Preset::from_name(name).unwrap()), ..ReadOptions::default() }
    }

    #[test]
    fn a_header_names_the_columns() {
        let plain = ReadOptions::default();
        let a = r#"{"c":[],"p":1.50,"s":"A","t":1717421400000,"v":2}"#;
        for lines in [
            ["symbol,Time,Price,Size", "A,1717421400000,1.50,2"],
            ["price\tvolume\tticker\tts", "1.50\t2\tA\t2024-06-03T13:30:00Z"],
            ["\"price\";\"amount\";\"pair\";\"date\"", "1.50;2;\"A\";2024-06-03 13:30:00Z"],
        ] {
            assert_eq!(trades(&plain, "x", &lines), [Ok(a.to_owned())]);
        }
        let named = ReadOptions {
            columns: vec![(Field::Time, "when".into()), (Field::Volume, "n".into())],
            symbol: Some("A".into()),
            ..ReadOptions::default()
        };
        assert_eq!(trades(&named, "x", &["n,when,p", "2,1717421400000,1.50"]), [Ok(a.to_owned())]);
        let error = CsvTrades::new(&plain, "x", b"when,price,volume").err().unwrap();
        assert!(error.contains("--columns time=NAME"), "{error}");
    }

    #[test]
    fn short_and_odd_rows_say_why() {
        let plain = ReadOptions { symbol: Some("A".into()), ..ReadOptions::default() };
        let found = trades(&plain, "x", &["time,price,size", "1717421400000,1", "1717421400,1,1", ",,", "\"a"]);
        let expected = [
            "size is missing",
            "time looks like seconds; use --time-unit s",
            "time is missing",
            "time is not a time: a",
        ];
        assert_eq!(found, expected.map(|why| Err(why.to_owned())));
    }

    #[test]
    fn presets_read_what_publishers_write() {
        let t = "\"t\":1717421400123";
        for (name, file, lines, expected) in [
            (
                "binance-trades",
                "BTCUSDT-trades-2024-06-03.csv",
                vec!["3610,69000.01000000,0.00100000,69.00001,1717421400123,True,True"],
                format!(r#"{{"c":[],"id":"3610","p":69000.01000000,"s":"BINANCE:BTCUSDT",{t},"v":0.00100000}}"#),
            ),
            (
                "binance-aggtrades",
                "BTCUSDT-aggTrades-2025-06-03.csv",
                vec![
                    "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
                    "7,69000.1,0.001,1,2,1717421400123456,true",
                ],
                format!(r#"{{"c":[],"id":"7","p":69000.1,"s":"BINANCE:BTCUSDT",{t},"v":0.001}}"#),
            ),
            (
                "kraken",
                "XBTUSD.csv",
                vec!["1717421400.1239,69000.1,0.02"],
                format!(r#"{{"c":[],"p":69000.1,"s":"KRAKEN:XBTUSD",{t},"v":0.02}}"#),
            ),
            (
                "polygon",
                "2024-06-03.csv",
                vec![
                    "ticker,conditions,correction,exchange,id,participant_timestamp,price,sequence_number,\
                     sip_timestamp,size,tape,trf_id,trf_timestamp",
                    "A,\"12,37\",0,11,5298,1717421400000000000,142.99,3807,1717421400123456789,5,1,0,0",
                ],
                format!(r#"{{"c":["12","37"],"id":"5298","p":142.99,"s":"A",{t},"v":5}}"#),
            ),
            (
                "databento-csv",
                "x.csv",
                vec![
                    "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size,flags,\
                     ts_in_delta,sequence,symbol",
                    "0,1717421400123456789,0,19,16276,T,N,0,79000000000,40,130,206405,105420,TTD",
                ],
                format!(r#"{{"c":[],"p":79.000000000,"s":"TTD",{t},"v":40}}"#),
            ),
            (
                "databento-csv",
                "x.csv",
                vec!["ts_event,price,size,symbol", "2024-06-03T13:30:00.123456789Z,78.98,40,TTD"],
                format!(r#"{{"c":[],"p":78.98,"s":"TTD",{t},"v":40}}"#),
            ),
            (
                "lean",
                "20240603_trade.zip/20240603_spy_Trade_Tick.csv",
                vec!["34200123,1682500,100,P,00000002,0"],
                format!(r#"{{"c":["00000002"],"p":168.2500,"s":"SPY",{t},"v":100}}"#),
            ),
            (
                "tardis-trades",
                "x.csv.gz",
                vec![
                    "exchange,symbol,timestamp,local_timestamp,id,side,price,amount",
                    "deribit,BTC-PERPETUAL,1717421400123456,1717421400200000,9,buy,69000.5,10",
                ],
                format!(r#"{{"c":[],"id":"9","p":69000.5,"s":"BTC-PERPETUAL",{t},"v":10}}"#),
            ),
        ] {
            assert_eq!(trades(&preset(name), file, &lines), [Ok(expected)], "{name}");
        }
    }
}
