//! Parquet files: each row as a line of JSON, so that names of columns, units and errors are those of JSON Lines. Part
//! of the program with the feature `parquet` only.

#[cfg(not(feature = "parquet"))]
mod rows {
    use std::fs::File;
    use std::io::BufRead;

    use crate::import::ImportError;

    /// The error of a program that was built without it.
    pub fn lines(name: &str, _file: File) -> Result<Box<dyn BufRead>, ImportError> {
        let why = "it is a Parquet file, which this build does not read: build with `--features parquet`, or convert \
                   it to CSV";
        Err(ImportError::Open { input: name.to_owned(), why: why.to_owned() })
    }
}

#[cfg(feature = "parquet")]
mod rows {
    use std::fmt::Write as _;
    use std::fs::File;
    use std::io::{BufRead, BufReader, Read};

    use ::parquet::basic::{ConvertedType as Converted, LogicalType, TimeUnit, Type as Physical};
    use ::parquet::file::reader::FileReader as _;
    use ::parquet::file::serialized_reader::SerializedFileReader;
    use ::parquet::record::reader::RowIter;
    use ::parquet::record::{Field, Row};
    use ::parquet::schema::types::{ColumnDescriptor, Type};
    use jiff::Timestamp;
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    use crate::import::ImportError;

    /// Buffer size in bytes.
    const READ_BYTES: usize = 256 << 10;

    /// The rows as lines of JSON, read as they are needed.
    pub fn lines(name: &str, file: File) -> Result<Box<dyn BufRead>, ImportError> {
        let failed = |why: String| ImportError::Open { input: name.to_owned(), why };
        let reader = SerializedFileReader::new(file).map_err(|e| failed(format!("damaged Parquet file: {e}")))?;
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        // The library would panic.
        if let Some(column) = schema.columns().iter().find(|column| !is_supported(column)) {
            let (path, kind) = (column.path().string(), column.converted_type());
            return Err(failed(format!("column {path} has a type that is not supported: {kind}")));
        }
        let times = schema.root_schema().get_fields().iter().map(|field| Time::of(field)).collect();
        let lines = Lines { rows: reader.into_iter(), times, line: Vec::new(), read: 0 };
        Ok(Box::new(BufReader::with_capacity(READ_BYTES, lines)))
    }

    fn is_supported(column: &ColumnDescriptor) -> bool {
        let converted = column.converted_type();
        match column.physical_type() {
            Physical::INT32 => !matches!(converted, Converted::INT_64 | Converted::UINT_64),
            Physical::INT64 => matches!(
                converted,
                Converted::NONE
                    | Converted::INT_64
                    | Converted::UINT_64
                    | Converted::TIME_MICROS
                    | Converted::TIMESTAMP_MILLIS
                    | Converted::TIMESTAMP_MICROS
                    | Converted::DECIMAL
            ),
            Physical::FIXED_LEN_BYTE_ARRAY => matches!(converted, Converted::NONE | Converted::DECIMAL),
            _ => true,
        }
    }

    /// How a column's times are to be read.
    #[derive(Clone, Copy, Default)]
    struct Time {
        /// Whether they are in no zone.
        is_local: bool,
        /// Whether they are nanoseconds, which the library gives as a number.
        is_nanos: bool,
    }

    impl Time {
        fn of(column: &Type) -> Self {
            match column.get_basic_info().logical_type_ref() {
                Some(LogicalType::Timestamp(time)) => {
                    Self { is_local: !time.is_adjusted_to_u_t_c, is_nanos: time.unit == TimeUnit::NANOS }
                }
                _ => Self::default(),
            }
        }
    }

    struct Lines {
        rows: RowIter<'static>,
        times: Vec<Time>,
        line: Vec<u8>,
        /// Bytes of the line that were given out.
        read: usize,
    }

    impl Read for Lines {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if self.read == self.line.len() {
                let Some(row) = self.rows.next().transpose().map_err(std::io::Error::other)? else { return Ok(0) };
                let mut line = String::new();
                write_row(&mut line, &row, &self.times);
                line.push('\n');
                (self.line, self.read) = (line.into_bytes(), 0);
            }
            let len = buffer.len().min(self.line.len() - self.read);
            buffer[..len].copy_from_slice(&self.line[self.read..self.read + len]);
            self.read += len;
            Ok(len)
        }
    }

    fn write_row(out: &mut String, row: &Row, times: &[Time]) {
        for (at, (name, field)) in row.get_column_iter().enumerate() {
            out.push(if at == 0 { '{' } else { ',' });
            write_text(out, name);
            out.push(':');
            write_value(out, field, times.get(at).copied().unwrap_or_default());
        }
        out.push_str(if row.len() == 0 { "{}" } else { "}" });
    }

    fn write_value(out: &mut String, field: &Field, time: Time) {
        match field {
            // No field of a trade is a map.
            Field::Null | Field::MapInternal(_) => out.push_str("null"),
            Field::Long(ns) if time.is_nanos => {
                write_time(out, Timestamp::from_nanosecond(i128::from(*ns)).ok(), field, time)
            }
            Field::TimestampMillis(ms) => write_time(out, Timestamp::from_millisecond(*ms).ok(), field, time),
            Field::TimestampMicros(us) => write_time(out, Timestamp::from_microsecond(*us).ok(), field, time),
            Field::TimeMillis(ms) => number(out, ms),
            Field::TimeMicros(us) => number(out, us),
            Field::Date(days) => match date(1970, 1, 1).checked_add(jiff::Span::new().days(*days)) {
                Ok(day) => write_text(out, &day.to_string()),
                Err(_) => number(out, days),
            },
            // The shortest digits that read back as the same value; infinity and the like are no JSON numbers.
            Field::Double(v) if v.is_finite() => number(out, v),
            Field::Float(v) if v.is_finite() => number(out, v),
            Field::Str(text) => write_text(out, text),
            Field::Bytes(bytes) => write_text(out, &String::from_utf8_lossy(bytes.data())),
            Field::Bool(_)
            | Field::Byte(_)
            | Field::Short(_)
            | Field::Int(_)
            | Field::Long(_)
            | Field::UByte(_)
            | Field::UShort(_)
            | Field::UInt(_)
            | Field::ULong(_) => number(out, field),
            Field::Decimal(_) | Field::Double(_) | Field::Float(_) | Field::Float16(_) => {
                write_text(out, &field.to_string());
            }
            Field::Group(row) => write_row(out, row, &[]),
            Field::ListInternal(list) => {
                out.push('[');
                for (at, element) in list.elements().iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    write_value(out, element, Time::default());
                }
                out.push(']');
            }
        }
    }

    fn number(out: &mut String, value: impl std::fmt::Display) {
        let _ = write!(out, "{value}");
    }

    fn write_text(out: &mut String, text: &str) {
        out.push_str(&serde_json::Value::from(text).to_string());
    }

    /// A time as RFC 3339, or without a zone; one that is out of every calendar as its number.
    fn write_time(out: &mut String, time: Option<Timestamp>, field: &Field, rule: Time) {
        match time {
            Some(time) if rule.is_local => write_text(out, &TimeZone::UTC.to_datetime(time).to_string()),
            Some(time) => write_text(out, &time.to_string()),
            None => write_text(out, &field.to_string()),
        }
    }
}

pub use rows::lines;

#[cfg(feature = "parquet")]
#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::Arc;

    use ::parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;

    use super::*;

    /// A file of two rows with a column of each kind that trades come in.
    fn written() -> std::fs::File {
        let schema = "message trades {
            REQUIRED BYTE_ARRAY s (UTF8);
            REQUIRED INT64 utc (TIMESTAMP(MICROS,true));
            REQUIRED INT64 local (TIMESTAMP(NANOS,false));
            REQUIRED DOUBLE p;
            OPTIONAL INT32 v (DECIMAL(9,2));
        }";
        let file = tempfile::tempfile().unwrap();
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer = SerializedFileWriter::new(file.try_clone().unwrap(), schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut at = 0;
        while let Some(mut column) = group.next_column().unwrap() {
            let longs = [1_704_205_800_123_456, 1_704_205_800_123_457];
            match at {
                0 => column.typed::<ByteArrayType>().write_batch(&["A", "\"é"].map(ByteArray::from), None, None),
                1 => column.typed::<Int64Type>().write_batch(&longs, None, None),
                2 => column.typed::<Int64Type>().write_batch(&longs.map(|us| us * 1_000 + 7), None, None),
                3 => column.typed::<DoubleType>().write_batch(&[0.1, f64::NAN], None, None),
                _ => column.typed::<Int32Type>().write_batch(&[1_234_567], Some(&[1, 0]), None),
            }
            .unwrap();
            column.close().unwrap();
            at += 1;
        }
        group.close().unwrap();
        writer.close().unwrap();
        file
    }

    #[test]
    fn rows_are_lines_of_json_without_a_digit_lost() {
        let mut text = String::new();
        lines("trades.parquet", written()).unwrap().read_to_string(&mut text).unwrap();
        let first = [
            r#"{"s":"A","utc":"2024-01-02T14:30:00.123456Z","local":"2024-01-02T14:30:00.123456007","#,
            r#""p":0.1,"v":"12345.67"}"#,
        ];
        let second = [
            r#"{"s":"\"é","utc":"2024-01-02T14:30:00.123457Z","local":"2024-01-02T14:30:00.123457007","#,
            r#""p":"NaN","v":null}"#,
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), [first.concat(), second.concat()]);
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, b"PAR1 and nothing more").unwrap();
        assert!(lines("x", file).err().unwrap().to_string().contains("damaged Parquet file"));
    }
}
