//! Builds the file, whatever the length of the list, in some 50 MB of memory.
//!
//! The hashes are first spread over 256 files by their first byte; each of
//! these is then small enough to be sorted in memory: 31 MB of a billion. The
//! file appears under its name when it is whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, BufWriter, Read as _, Result, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use super::{BUCKET, HEAD, MAGIC, MOST_BITS, broken, hash_of, hashes_at, number, split};

/// The files that hashes are spread over first.
const PARTS: usize = 256;
/// The most bytes of a line.
const MOST_LINE: u64 = 4096;

/// What the lines of a list are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// SHA-1 hashes in hex, each with or without `:` and a number, as Have I
    /// Been Pwned publishes them.
    Hashes,
    /// The passwords themselves.
    Passwords,
}

/// What was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Built {
    /// The lines that held something.
    pub lines: u64,
    /// The different hashes.
    pub hashes: u64,
}

/// Builds the file `into` from a list in any order. `progress` hears how many
/// bytes of it were read.
pub fn build(
    list: impl BufRead,
    form: Form,
    into: &Path,
    mut progress: impl FnMut(u64),
) -> Result<Built> {
    let scratch = Scratch::beside(into)?;
    let lines = spread(list, form, &scratch, &mut progress)?;
    let unfinished = scratch.0.join("whole");
    let hashes = join(&scratch, &unfinished, bits_for(lines))?;
    fs::rename(&unfinished, into)?;
    Ok(Built { lines, hashes })
}

/// So many that no more than [`BUCKET`] come into one.
fn bits_for(hashes: u64) -> u32 {
    let buckets = hashes.div_ceil(BUCKET).max(2);
    buckets.next_power_of_two().ilog2().min(MOST_BITS)
}

/// A folder beside the file, gone with this.
struct Scratch(PathBuf);

impl Scratch {
    fn beside(path: &Path) -> Result<Scratch> {
        let mut name = path.as_os_str().to_owned();
        name.push(".parts");
        fs::create_dir(&name)?;
        Ok(Scratch(name.into()))
    }

    fn part(&self, number: usize) -> PathBuf {
        self.0.join(format!("{number:02x}"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is in the way of the next time, which says so.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes every hash to the file of its first byte. How many there were.
fn spread(
    mut list: impl BufRead,
    form: Form,
    scratch: &Scratch,
    progress: &mut impl FnMut(u64),
) -> Result<u64> {
    let mut parts = (0..PARTS)
        .map(|number| Ok(BufWriter::new(File::create_new(scratch.part(number))?)))
        .collect::<Result<Vec<_>>>()?;
    let (mut line, mut read, mut at, mut lines) = (Vec::new(), 0, 0, 0);
    loop {
        line.clear();
        let length = list.by_ref().take(MOST_LINE).read_until(b'\n', &mut line)?;
        if length == 0 {
            break;
        }
        at += 1;
        read += u64::try_from(length).unwrap_or_default();
        if at % 65_536 == 0 {
            progress(read);
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.is_empty() {
            continue;
        }
        let hash = match form {
            Form::Passwords => hash_of(text),
            Form::Hashes => {
                parse(text).ok_or_else(|| broken(&format!("line {at} is no SHA-1 hash in hex")))?
            }
        };
        let bytes = hash.to_be_bytes();
        parts[usize::from(bytes[0])].write_all(&bytes)?;
        lines += 1;
    }
    progress(read);
    for mut part in parts {
        part.flush()?;
    }
    Ok(lines)
}

/// The first 64 bits of a hash in hex, with or without a number behind it.
fn parse(line: &[u8]) -> Option<u64> {
    let (hash, count) = line.split_at_checked(40)?;
    let counted = match count.split_first() {
        None => true,
        Some((mark, digits)) => *mark == b':' && digits.iter().all(u8::is_ascii_digit),
    };
    let mut bytes = [0; 20];
    hex::decode_to_slice(hash, &mut bytes).ok()?;
    counted.then(|| number(&bytes, 0))
}

/// Writes the sorted hashes, and the buckets before them. How many there are.
fn join(scratch: &Scratch, into: &Path, bits: u32) -> Result<u64> {
    let mut buckets = at(into, HEAD)?;
    let mut hashes = at(into, hashes_at(bits))?;
    let (mut next, mut count) = (0, 0_u64);
    for number in 0..PARTS {
        for hash in sorted(&scratch.part(number))? {
            let (bucket, kept) = split(hash, bits);
            while next <= bucket {
                buckets.write_all(&count.to_be_bytes())?;
                next += 1;
            }
            hashes.write_all(&kept)?;
            count += 1;
        }
    }
    while next <= 1 << bits {
        buckets.write_all(&count.to_be_bytes())?;
        next += 1;
    }
    buckets.flush()?;
    hashes.flush()?;
    let mut head = at(into, 0)?;
    head.write_all(&MAGIC)?;
    head.write_all(&u64::from(bits).to_be_bytes())?;
    head.write_all(&count.to_be_bytes())?;
    head.into_inner()?.sync_all()?;
    Ok(count)
}

/// The hashes of one file in order, each once.
fn sorted(path: &Path) -> Result<Vec<u64>> {
    let length = fs::metadata(path)?.len() / 8;
    let mut hashes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    let mut file = BufReader::new(File::open(path)?);
    let mut bytes = [0; 8];
    for _ in 0..length {
        file.read_exact(&mut bytes)?;
        hashes.push(u64::from_be_bytes(bytes));
    }
    hashes.sort_unstable();
    hashes.dedup();
    Ok(hashes)
}

fn at(path: &Path, place: u64) -> Result<BufWriter<File>> {
    let options = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .clone();
    let mut file = options.open(path)?;
    file.seek(SeekFrom::Start(place))?;
    Ok(BufWriter::new(file))
}
