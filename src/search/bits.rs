//! Sets of documents of one segment, a bit each: what all look-ups compute with.

/// A set of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bits {
    blocks: Vec<u64>,
    size: u32,
}

impl Bits {
    /// The empty set among `size` documents.
    pub(super) fn none(size: u32) -> Self {
        Self { blocks: vec![0; (size as usize).div_ceil(64)], size }
    }

    /// All of `size` documents.
    pub(super) fn all(size: u32) -> Self {
        let mut blocks = vec![u64::MAX; (size as usize).div_ceil(64)];
        if let (Some(last), rest @ 1..) = (blocks.last_mut(), size % 64) {
            *last = (1 << rest) - 1;
        }
        Self { blocks, size }
    }

    pub(super) fn insert(&mut self, document: u32) {
        if let Some(block) = self.blocks.get_mut(document as usize / 64) {
            *block |= 1 << (document % 64);
        }
    }

    pub(super) fn contains(&self, document: u32) -> bool {
        self.blocks.get(document as usize / 64).is_some_and(|block| block & (1 << (document % 64)) != 0)
    }

    /// Keeps what is in both.
    pub(super) fn and(&mut self, other: &Self) {
        self.blocks.iter_mut().zip(&other.blocks).for_each(|(block, other)| *block &= other);
    }

    /// Takes out what is in the other.
    pub(super) fn without(&mut self, other: &Self) {
        self.blocks.iter_mut().zip(&other.blocks).for_each(|(block, other)| *block &= !other);
    }

    /// Adds what is in the other.
    pub(super) fn or(&mut self, other: &Self) {
        self.blocks.iter_mut().zip(&other.blocks).for_each(|(block, other)| *block |= other);
    }

    pub(super) fn len(&self) -> usize {
        self.blocks.iter().map(|block| block.count_ones() as usize).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blocks.iter().all(|block| *block == 0)
    }

    /// Whether it has every document.
    pub(super) fn is_full(&self) -> bool {
        self.len() == self.size as usize
    }

    /// The documents, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0_u32..).step_by(64).zip(&self.blocks).flat_map(|(first, block)| {
            let mut left = *block;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let at = left.trailing_zeros();
                    left &= left - 1;
                    first + at
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_inserted_and_no_more() {
        for size in [0, 1, 63, 64, 65, 130] {
            let all = Bits::all(size);
            assert_eq!((all.len(), all.is_full()), (size as usize, true));
            assert_eq!(all.iter().collect::<Vec<_>>(), (0..size).collect::<Vec<_>>());
            assert!(Bits::none(size).is_empty());
        }
        let mut set = Bits::none(130);
        for document in [3, 64, 129, 500] {
            set.insert(document);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [3, 64, 129], "a document that does not exist is in no set");
        let mut other = Bits::none(130);
        other.insert(64);
        other.insert(65);
        let mut both = set.clone();
        both.and(&other);
        let mut only = set.clone();
        only.without(&other);
        assert_eq!(only.iter().collect::<Vec<_>>(), [3, 129]);
        assert_eq!(both.iter().collect::<Vec<_>>(), [64]);
        set.or(&other);
        assert!(set.contains(65) && set.len() == 4);
    }
}
