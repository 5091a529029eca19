//! The body of an answer as a bounded blocking reader: chunks arrive from the network on one side, and the parser reads on the
//! other. Gzip is recognised by its first bytes, announced or not, and its expansion is bounded.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use tokio::sync::mpsc;

/// How many chunks may wait for the parser: memory stays bounded.
const CHUNKS_AHEAD: usize = 8;

/// The sending side; an error ends the body.
pub(super) type ChunkSender = mpsc::Sender<io::Result<Bytes>>;

struct Chunks {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current: Cursor<Bytes>,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.current.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            match self.receiver.blocking_recv() {
                Some(chunk) => self.current = Cursor::new(chunk?),
                None => return Ok(0),
            }
        }
    }
}

/// Limits the output to a multiple of the compressed input.
struct Bounded<R> {
    inner: MultiGzDecoder<Counted<R>>,
    out: u64,
    ratio: u64,
}

struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

/// Output below this is not limited: small answers may compress better than any ratio.
const UNLIMITED_BYTES: u64 = 1 << 20;

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.out += count as u64;
        let came = self.inner.get_ref().count;
        if self.out > UNLIMITED_BYTES.saturating_add(came.saturating_mul(self.ratio)) {
            return Err(io::Error::other(format!(
                "{came} bytes of gzip grow to more than {} bytes: refused as a bomb",
                self.out
            )));
        }
        Ok(count)
    }
}

/// Whether a body begins like a challenge page of Cloudflare or a similar service.
pub(super) fn is_challenge(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&head[..head.len().min(16 << 10)]).to_ascii_lowercase();
    let page = head.trim_start();
    (page.starts_with("<!doctype html") || page.starts_with("<html"))
        && ["just a moment...", "challenge-platform", "cf-chl", "attention required! | cloudflare", "ddos-guard", "_incapsula_"]
            .iter()
            .any(|sign| head.contains(sign))
}

/// A channel whose receiving end is the plain text of the answer. `gzip_ratio` bounds the expansion of gzip.
pub(super) fn channel(gzip_ratio: u64) -> (ChunkSender, impl FnOnce() -> io::Result<Box<dyn BufRead + Send>> + Send) {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let open = move || -> io::Result<Box<dyn BufRead + Send>> {
        let mut chunks = Chunks { receiver, current: Cursor::new(Bytes::new()) };
        let mut first = [0; 2];
        let mut have = 0;
        while have < 2 {
            match chunks.read(&mut first[have..])? {
                0 => break,
                count => have += count,
            }
        }
        let rest = Cursor::new(first[..have].to_vec()).chain(chunks);
        if first == [0x1f, 0x8b] {
            let inner = MultiGzDecoder::new(Counted { inner: rest, count: 0 });
            return Ok(Box::new(BufReader::with_capacity(1 << 16, Bounded { inner, out: 0, ratio: gzip_ratio })));
        }
        Ok(Box::new(BufReader::with_capacity(1 << 16, rest)))
    };
    (sender, open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("in memory");
        encoder.finish().expect("in memory")
    }

    fn read(chunks: Vec<Vec<u8>>, ratio: u64) -> io::Result<Vec<u8>> {
        let (sender, open) = channel(ratio);
        let feeder = std::thread::spawn(move || chunks.into_iter().all(|chunk| sender.blocking_send(Ok(chunk.into())).is_ok()));
        let mut out = Vec::new();
        let result = open()?.read_to_end(&mut out).map(|_| out);
        let _ = feeder.join();
        result
    }

    #[test]
    fn plain_and_gzip_give_the_same_text_however_they_are_chunked() {
        let text = b"<a>some text, some text</a>".repeat(50);
        let zipped = gzip(&text);
        let single = |bytes: &[u8]| bytes.iter().map(|byte| vec![*byte]).collect();
        assert_eq!(read(vec![text.clone()], 200).expect("plain"), text);
        assert_eq!(read(single(&text), 200).expect("plain"), text);
        assert_eq!(read(single(&zipped), 200).expect("gzip"), text);
        assert_eq!(read(vec![], 200).expect("empty"), b"");
        assert_eq!(read(vec![b"x".to_vec()], 200).expect("one byte"), b"x");
    }

    #[test]
    fn cut_gzip_is_an_error_and_a_bomb_is_refused() {
        let zipped = gzip(&b"some text ".repeat(1000));
        assert!(read(vec![zipped[..zipped.len() / 2].to_vec()], 200).is_err());
        let bomb = gzip(&vec![0; 50 << 20]);
        let error = read(bomb.chunks(1000).map(<[u8]>::to_vec).collect(), 10).expect_err("a bomb");
        assert!(error.to_string().contains("refused as a bomb"), "{error}");
    }
}
