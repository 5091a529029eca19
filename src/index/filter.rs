//! Filters: most codes that a set does not have are told apart without a look at the file.

use std::sync::OnceLock;

use super::code::Code;
use super::error::IndexError;

/// Bits for the hashes of some codes. It may take a code for one of them that is none, but misses none.
#[derive(Debug)]
pub(super) struct Filter {
    words: Box<[u64]>,
    shift: u32,
}

/// Bits for each code: of those that are none, one in as many is taken for one.
const BITS: usize = 12;

impl Filter {
    /// Has none yet, and room for so many.
    pub(super) fn sized(count: usize) -> Self {
        let bits = count.saturating_mul(BITS).clamp(64, 1 << 30).next_power_of_two();
        Self { words: vec![0; bits / 64].into(), shift: 32 - bits.trailing_zeros() }
    }

    pub(super) fn add(&mut self, code: Code) {
        let place = self.place(code);
        self.words[place / 64] |= 1 << (place % 64);
    }

    /// Whether a code may be one of them.
    #[inline]
    pub(super) fn may_have(&self, code: Code) -> bool {
        let place = self.place(code);
        self.words[place / 64] >> (place % 64) & 1 == 1
    }

    #[inline]
    fn place(&self, code: Code) -> usize {
        // Multiplied by the golden ratio, neighbours are far apart.
        (code.wrapping_mul(0x9e37_79b1) >> self.shift) as usize
    }
}

/// A filter that is made when it is first asked, if there is to be one.
#[derive(Debug, Default)]
pub(super) struct LazyFilter(OnceLock<Option<Filter>>);

impl LazyFilter {
    #[inline]
    pub(super) fn get(&self, make: impl FnOnce() -> Result<Option<Filter>, IndexError>) -> Result<Option<&Filter>, IndexError> {
        if self.0.get().is_none() {
            // Another thread may have been faster.
            let _ = self.0.set(make()?);
        }
        Ok(self.0.get().and_then(Option::as_ref))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_missed_and_little_is_taken_for_what_it_is_not() {
        for count in [0, 1, 5, 1000, 50_000_u32] {
            let codes = |each: &mut dyn FnMut(Code)| (0..count).for_each(|number| each(7 + number * 13));
            let mut filter = Filter::sized(count as usize);
            codes(&mut |code| filter.add(code));
            codes(&mut |code| assert!(filter.may_have(code), "{code} of {count}"));
            let wrong = (0..10_000_u32).filter(|number| filter.may_have(8 + number * 13)).count();
            assert!(wrong < 1500, "{wrong} of 10000 with {count}");
        }
    }
}
