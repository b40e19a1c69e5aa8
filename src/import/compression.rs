//! Compressed files, recognized by their first bytes, whatever their names.

use std::fs::File;
use std::io::{BufRead, BufReader, Result};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use zip::ZipArchive;

use super::ImportError;
use super::input::OnText;
use super::utf16::decoded;

/// Number of bytes by which a compression is recognized.
pub const MAGIC_BYTES: u64 = 4;
/// Buffer size in bytes.
const READ_BYTES: usize = 256 << 10;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, of one or several members.
    Gzip,
    /// Zstandard, of one or several frames.
    Zstd,
    /// bzip2, of one or several streams.
    Bzip2,
    /// An archive of files.
    Zip,
    /// A table of columns.
    Parquet,
}

impl Compression {
    /// The compression of a file that begins with these bytes.
    pub fn of(magic: &[u8]) -> Self {
        match magic {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Self::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9'] => Self::Bzip2,
            // The second one is an archive without files.
            [b'P', b'K', 3, 4] | [b'P', b'K', 5, 6] => Self::Zip,
            b"PAR1" => Self::Parquet,
            _ => Self::None,
        }
    }

    /// What is added to the name of a format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => " in gzip",
            Self::Zstd => " in Zstandard",
            Self::Bzip2 => " in bzip2",
            Self::Zip => " in zip",
            Self::Parquet => " in Parquet",
        }
    }

    /// The contents. An archive or a table has none by itself.
    pub fn decompressed<'a>(self, plain: impl BufRead + 'a) -> Result<Box<dyn BufRead + 'a>> {
        Ok(match self {
            Self::None | Self::Zip | Self::Parquet => Box::new(plain),
            Self::Gzip => Box::new(BufReader::with_capacity(READ_BYTES, MultiGzDecoder::new(plain))),
            Self::Bzip2 => Box::new(BufReader::with_capacity(READ_BYTES, MultiBzDecoder::new(plain))),
            Self::Zstd => {
                Box::new(BufReader::with_capacity(READ_BYTES, zstd::stream::read::Decoder::with_buffer(plain)?))
            }
        })
    }
}

/// Passes on the files of an archive, in its order.
pub fn for_each_member(name: &str, file: File, on_text: OnText<'_>) -> std::result::Result<(), ImportError> {
    let failed = |why: String| ImportError::Open { input: name.to_owned(), why };
    let damaged = |e| failed(format!("cannot read the archive: {e}; repair or replace the file"));
    let mut archive = ZipArchive::new(BufReader::with_capacity(READ_BYTES, file)).map_err(damaged)?;
    for index in 0..archive.len() {
        let member = archive.by_index(index).map_err(damaged)?;
        if member.is_dir() {
            continue;
        }
        let member_name = format!("{name}/{}", member.name().map_err(damaged)?);
        let text: Box<dyn BufRead + '_> = Box::new(BufReader::with_capacity(READ_BYTES, member));
        let text = decoded(text).map_err(|e| failed(e.to_string()))?;
        on_text(&member_name, Compression::Zip.name(), text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn packed(compression: Compression, text: &[u8]) -> Vec<u8> {
        match compression {
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            _ => zstd::encode_all(text, 1).unwrap(),
        }
    }

    fn unpacked(bytes: &[u8]) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        Compression::of(&bytes[..4]).decompressed(bytes)?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn packed_text_is_the_same_text() {
        let text = b"{\"a\":1}\n".repeat(1_000);
        for compression in [Compression::Gzip, Compression::Bzip2, Compression::Zstd] {
            let bytes = packed(compression, &text);
            assert_eq!(Compression::of(&bytes[..4]), compression);
            assert_eq!(unpacked(&bytes).unwrap(), text);
            let joined = [packed(compression, b"a\nb"), packed(compression, b"c\n")].concat();
            assert_eq!(unpacked(&joined).unwrap(), b"a\nbc\n", "parts are concatenated");
            assert!(unpacked(&bytes[..bytes.len() - 9]).is_err(), "{compression:?} that is cut off");
        }
        assert_eq!(Compression::of(b"{\"a\""), Compression::None);
    }
}
