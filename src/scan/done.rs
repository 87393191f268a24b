//! Which indexes an earlier run has done: a bit each, and none for stretches that are done whole.

use std::collections::BTreeMap;

/// Indexes of one stretch.
const STRETCH: u64 = 1 << 16;
const WORDS: usize = (STRETCH / 64) as usize;

/// A set of indexes. Lines are written in the order in which targets are done, so it has few gaps, unless it is a shard's.
#[derive(Debug, Default)]
pub struct Done {
    stretches: BTreeMap<u64, Stretch>,
    count: u64,
}

#[derive(Debug)]
enum Stretch {
    Some { bits: Box<[u64; WORDS]>, count: u64 },
    All,
}

impl Done {
    /// False when it was there before.
    pub fn insert(&mut self, index: u64) -> bool {
        let stretch = self
            .stretches
            .entry(index / STRETCH)
            .or_insert_with(|| Stretch::Some { bits: Box::new([0; WORDS]), count: 0 });
        let Stretch::Some { bits, count } = stretch else { return false };
        let (word, bit) = place(index);
        if bits[word] & bit != 0 {
            return false;
        }
        bits[word] |= bit;
        *count += 1;
        self.count += 1;
        if *count == STRETCH {
            *stretch = Stretch::All;
        }
        true
    }

    pub fn contains(&self, index: u64) -> bool {
        match self.stretches.get(&(index / STRETCH)) {
            None => false,
            Some(Stretch::All) => true,
            Some(Stretch::Some { bits, .. }) => {
                let (word, bit) = place(index);
                bits[word] & bit != 0
            }
        }
    }

    /// Is it there? Indexes are asked for in ascending order; what lies behind is forgotten.
    pub fn take(&mut self, index: u64) -> bool {
        if self.stretches.is_empty() {
            return false;
        }
        let stretch = index / STRETCH;
        while self.stretches.first_key_value().is_some_and(|(&first, _)| first < stretch) {
            self.stretches.pop_first();
        }
        self.contains(index)
    }

    /// How many were inserted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The first `most` indexes below `end` that are not there, and how many are not.
    pub fn missing(&self, end: u64, most: usize) -> (Vec<u64>, u64) {
        let mut found = Vec::new();
        let mut stretch = 0;
        while stretch <= end / STRETCH && found.len() < most {
            if !matches!(self.stretches.get(&stretch), Some(Stretch::All)) {
                let indexes = stretch * STRETCH..(stretch * STRETCH).saturating_add(STRETCH).min(end);
                found.extend(indexes.filter(|&index| !self.contains(index)).take(most - found.len()));
            }
            stretch += 1;
        }
        let below: u64 = self
            .stretches
            .iter()
            .map(|(&number, stretch)| match stretch {
                Stretch::All => STRETCH.min(end.saturating_sub(number * STRETCH)),
                Stretch::Some { .. } => {
                    let indexes = number * STRETCH..(number * STRETCH).saturating_add(STRETCH).min(end);
                    indexes.filter(|&index| self.contains(index)).count() as u64
                }
            })
            .sum();
        (found, end - below.min(end))
    }
}

fn place(index: u64) -> (usize, u64) {
    let within = index % STRETCH;
    // Below WORDS.
    ((within / 64) as usize, 1 << (within % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_with_gaps() {
        let mut done = Done::default();
        for index in (0..3 * STRETCH).filter(|index| index % STRETCH != 7 || *index < STRETCH) {
            assert!(done.insert(index));
        }
        assert!(!done.insert(8));
        assert!(matches!(done.stretches[&0], Stretch::All), "a whole stretch needs no bits");
        assert_eq!(done.missing(3 * STRETCH, 10), (vec![STRETCH + 7, 2 * STRETCH + 7], 2));
        assert_eq!(done.missing(3 * STRETCH, 1), (vec![STRETCH + 7], 2));
        assert_eq!(done.missing(STRETCH + 8, 10), (vec![STRETCH + 7], 1));
        assert_eq!(done.count(), 3 * STRETCH - 2);
        assert!(done.take(5) && !done.take(STRETCH + 7) && done.take(STRETCH + 8));
        assert_eq!(done.stretches.len(), 2, "what lies behind is forgotten");
        assert!(!done.take(5 * STRETCH) && done.stretches.is_empty());
    }
}
