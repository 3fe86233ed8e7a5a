//! Which characters the bytes of a file stand for.
//!
//! A byte-order mark says it; else UTF-16 shows by its zeros; else bytes that
//! are valid UTF-8 are UTF-8, because text in another encoding is so only by a
//! rare chance; else the frequencies of letters tell (`chardetng`), which for
//! the files of western offices says windows-1252.

use std::io::{Read, Seek, SeekFrom};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use rpc::Error;

const BLOCK: usize = 64 * 1024;

/// What the bytes of a file say about their encoding.
pub struct Found {
    /// The encoding.
    pub encoding: &'static Encoding,
    /// Whether there is a byte-order mark.
    pub byte_order_mark: bool,
    /// The bytes of that mark.
    pub skip: u64,
}

/// Finds the encoding of a file, by reading as much of it as it takes.
pub fn detect(file: &mut (impl Read + Seek)) -> Result<Found, Error> {
    file.seek(SeekFrom::Start(0))?;
    let mut head = Vec::with_capacity(1024);
    file.by_ref().take(1024).read_to_end(&mut head)?;
    if let Some((encoding, length)) = Encoding::for_bom(&head) {
        return Ok(Found {
            encoding,
            byte_order_mark: true,
            skip: length as u64,
        });
    }
    let encoding = match utf16(&head) {
        Some(encoding) => encoding,
        None if is_utf8(file)? => UTF_8,
        None => guess(file)?,
    };
    Ok(Found {
        encoding,
        byte_order_mark: false,
        skip: 0,
    })
}

/// Text with a zero in most of its odd, or most of its even, bytes.
fn utf16(head: &[u8]) -> Option<&'static Encoding> {
    let zeros = |from: usize| {
        head.iter()
            .skip(from)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    let (even, odd, most) = (zeros(0), zeros(1), head.len() / 4);
    match () {
        () if head.len() < 4 => None,
        () if odd > most && even == 0 => Some(UTF_16LE),
        () if even > most && odd == 0 => Some(UTF_16BE),
        () => None,
    }
}

fn is_utf8(file: &mut (impl Read + Seek)) -> Result<bool, Error> {
    file.seek(SeekFrom::Start(0))?;
    let mut decoder = UTF_8.new_decoder_without_bom_handling();
    let mut text = vec![0; BLOCK + 16];
    let mut valid = true;
    blocks(file, &mut |block| {
        let (result, _, _) =
            decoder.decode_to_utf8_without_replacement(block, &mut text, block.is_empty());
        valid = !matches!(result, DecoderResult::Malformed(..));
        valid
    })?;
    Ok(valid)
}

fn guess(file: &mut (impl Read + Seek)) -> Result<&'static Encoding, Error> {
    file.seek(SeekFrom::Start(0))?;
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    blocks(file, &mut |block| {
        detector.feed(block, block.is_empty());
        true
    })?;
    Ok(detector.guess(None, Utf8Detection::Deny))
}

/// Hands out the file block by block, an empty one at its end, until told to
/// stop.
fn blocks(file: &mut impl Read, each: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Error> {
    let mut block = vec![0; BLOCK];
    loop {
        let length = file.read(&mut block)?;
        if !each(&block[..length]) || length == 0 {
            return Ok(());
        }
    }
}

/// The characters of a file, piece by piece. Bytes that stand for none become
/// U+FFFD, which a row is reported for.
pub struct Text<'a, R> {
    file: &'a mut R,
    decoder: Decoder,
    block: Vec<u8>,
    over: bool,
}

impl<'a, R: Read> Text<'a, R> {
    /// Reads from where the file stands, `size` bytes at a time.
    pub fn new(file: &'a mut R, encoding: &'static Encoding, size: usize) -> Self {
        let decoder = encoding.new_decoder_without_bom_handling();
        Text {
            file,
            decoder,
            block: vec![0; size],
            over: false,
        }
    }

    /// Appends the next piece; false at the end.
    pub fn next(&mut self, text: &mut String) -> Result<bool, Error> {
        if self.over {
            return Ok(false);
        }
        let length = self.file.read(&mut self.block)?;
        self.over = length == 0;
        let most = self
            .decoder
            .max_utf8_buffer_length(length)
            .unwrap_or(4 * BLOCK);
        text.reserve(most);
        let _ = self
            .decoder
            .decode_to_string(&self.block[..length], text, self.over);
        Ok(true)
    }
}
