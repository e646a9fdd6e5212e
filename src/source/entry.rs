//! Where to begin in a file.

use std::collections::VecDeque;
use std::io;

use jiff::Timestamp;

use super::content::Content;
use super::{From, Place};
use crate::record::reader::time_of;

/// Files up to this size have their lines counted when they are entered in the middle, bytes.
const COUNT_LINES: u64 = 256 << 20;

/// Records are written about in the order of their times: a search by time begins so many bytes earlier.
const DISORDER: u64 = 1 << 20;

/// Lines looked at for one that tells its time.
const TIMELESS: usize = 64;

/// Longest line that is read for its time, bytes.
const LINE: usize = 256 << 10;

/// The place that `from` means in a file.
///
/// # Errors
/// When the file can't be read.
pub fn place(content: &mut Content, from: From) -> io::Result<Place> {
    let offset = match from {
        From::Start | From::Checkpoint => 0,
        From::Since(time) => since(content, time)?,
        From::End => last_lines(content, 0)?,
        From::Last(count) => last_lines(content, count)?,
    };
    let line = if offset <= COUNT_LINES { Some(1 + count_lines(content, offset)?) } else { None };
    Ok(Place { offset, line, before: None })
}

/// Offset of the first of the last `count` complete lines; with 0, of the line being written.
fn last_lines(content: &mut Content, count: u64) -> io::Result<u64> {
    if content.is_packed() {
        return last_lines_forward(content, count);
    }
    let mut buffer = vec![0u8; 64 << 10];
    let mut end = content.size()?;
    let mut seen = 0;
    while end > 0 {
        let start = end.saturating_sub(buffer.len() as u64);
        let piece = &mut buffer[..(end - start) as usize];
        if content.fill_at(piece, start)? < piece.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for at in memchr::memrchr_iter(b'\n', piece) {
            // The newline that ends the last complete line comes first.
            if seen == count {
                return Ok(start + at as u64 + 1);
            }
            seen += 1;
        }
        end = start;
    }
    Ok(0)
}

/// The same for what can be read in one direction only.
fn last_lines_forward(content: &mut Content, count: u64) -> io::Result<u64> {
    let mut starts = VecDeque::from([0]);
    each_newline(content, u64::MAX, |at| {
        starts.push_back(at + 1);
        if starts.len() as u64 > count + 1 {
            starts.pop_front();
        }
    })?;
    Ok(starts.front().copied().unwrap_or(0))
}

fn count_lines(content: &mut Content, until: u64) -> io::Result<u64> {
    let mut lines = 0;
    each_newline(content, until, |_| lines += 1)?;
    Ok(lines)
}

fn each_newline(content: &mut Content, until: u64, mut found: impl FnMut(u64)) -> io::Result<()> {
    let mut buffer = vec![0u8; 256 << 10];
    let mut at = 0;
    while at < until {
        let most = usize::try_from(until - at).unwrap_or(usize::MAX).min(buffer.len());
        let read = content.read_at(&mut buffer[..most], at)?;
        if read == 0 {
            break;
        }
        memchr::memchr_iter(b'\n', &buffer[..read]).for_each(|newline| found(at + newline as u64));
        at += read as u64;
    }
    Ok(())
}

/// A place from which on all records of `time` and later are found: halving, since logs grow in the order of time.
/// Records before it that are older are left out by who knows their times.
fn since(content: &mut Content, time: Timestamp) -> io::Result<u64> {
    if content.is_packed() {
        return Ok(0);
    }
    let (mut low, mut high) = (0, content.size()?);
    while high - low > DISORDER {
        let middle = low + (high - low) / 2;
        match time_near(content, middle, high)? {
            Some(found) if found < time => low = middle,
            Some(_) => high = middle,
            // Nothing here tells its time: all of it may be wanted.
            None => high = middle,
        }
    }
    line_start(content, low.saturating_sub(DISORDER))
}

/// The time of the first record behind `at` that has one.
fn time_near(content: &mut Content, at: u64, end: u64) -> io::Result<Option<Timestamp>> {
    let mut at = line_start(content, at)?;
    let mut line = vec![0u8; LINE];
    for _ in 0..TIMELESS {
        let read = content.fill_at(&mut line, at)?;
        let Some(length) = memchr::memchr(b'\n', &line[..read]) else { return Ok(None) };
        if let Some(time) = time_of(&line[..length]) {
            return Ok(Some(time));
        }
        at += length as u64 + 1;
        if at >= end {
            break;
        }
    }
    Ok(None)
}

/// The start of the first line at or behind `at`.
fn line_start(content: &mut Content, at: u64) -> io::Result<u64> {
    if at == 0 {
        return Ok(0);
    }
    let mut buffer = vec![0u8; 64 << 10];
    let mut from = at - 1;
    loop {
        let read = content.fill_at(&mut buffer, from)?;
        if let Some(newline) = memchr::memchr(b'\n', &buffer[..read]) {
            return Ok(from + newline as u64 + 1);
        }
        if read < buffer.len() {
            return Ok(from + read as u64);
        }
        from += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(text: &[u8]) -> Content {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, text).unwrap();
        Content::open(&path, u64::MAX).unwrap()
    }

    #[test]
    fn the_last_lines_are_the_same_packed_or_not() {
        let text = b"1\n22\n333\npart";
        for text in [content(text), content(&zstd::encode_all(&text[..], 1).unwrap())].iter_mut() {
            let found: Vec<u64> = [0, 1, 2, 9].iter().map(|n| place(text, From::Last(*n)).unwrap().offset).collect();
            assert_eq!(found, [9, 5, 2, 0]);
            assert_eq!(place(text, From::Last(1)).unwrap().line, Some(3));
        }
    }

    #[test]
    fn a_time_is_found_by_halving() {
        let line = |n: i64| {
            let time = Timestamp::from_second(1_700_000_000 + n).unwrap();
            format!("{{\"ts\":\"{time}\",\"text\":\"{}\"}}\n", "x".repeat(200))
        };
        let text: String = (0..40_000).map(line).collect();
        let size = text.len() as u64;
        let mut log = content(text.as_bytes());
        for wanted in [-5, 0, 17, 20_000, 39_999] {
            let time = Timestamp::from_second(1_700_000_000 + wanted).unwrap();
            let offset = place(&mut log, From::Since(time)).unwrap().offset;
            let exact = text.find(&format!("{time}")).unwrap_or(0) as u64;
            assert!(offset <= exact && exact - offset < 3 * DISORDER, "{wanted}: {offset} {exact}");
            assert!(offset == 0 || text.as_bytes()[offset as usize - 1] == b'\n');
        }
        let late = place(&mut log, From::Since(Timestamp::from_second(1_800_000_000).unwrap())).unwrap();
        assert!(size - late.offset < 3 * DISORDER);
    }

    #[test]
    fn without_times_everything_is_wanted() {
        let mut log = content("{\"a\":1}\n".repeat(400_000).as_bytes());
        assert_eq!(place(&mut log, From::Since(Timestamp::UNIX_EPOCH)).unwrap().offset, 0);
    }
}
