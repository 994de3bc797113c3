//! Which segments of the embedded index are merged: small ones, eight of about the same size at a time.
//!
//! Tantivy's own policy counts documents, and takes all segments below 10,000 of them for equally small. With gazettes,
//! that merges the whole index again with every seventh bulk, and the pages of its mapped files are in memory meanwhile.
//! Here a segment is what its files weigh. One merge reads and writes 64 MiB at most, and each document is merged as often
//! as its segment grows eightfold: once, for usual bulks.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use ::tantivy::index::SegmentMeta;
use ::tantivy::indexer::{MergeCandidate, MergePolicy};

/// Segments of one merge.
const TOGETHER: usize = 8;
/// Upper bounds of the sizes that go together, in bytes, each eight times the one before: what is merged goes with the next.
/// What is larger than the last stays as it is.
const SIZES: [u64; 5] = [2 << 10, 16 << 10, 128 << 10, 1 << 20, 8 << 20];

/// Merges by the size of the files in a folder.
#[derive(Debug)]
pub(super) struct BySize {
    pub folder: PathBuf,
}

impl MergePolicy for BySize {
    fn compute_merge_candidates(&self, segments: &[SegmentMeta]) -> Vec<MergeCandidate> {
        let sizes = self.sizes();
        let living: Vec<u64> = segments
            .iter()
            .map(|segment| {
                let size = sizes.get(&segment.id().uuid_string()).copied().unwrap_or(0);
                living_bytes(size, segment.num_docs(), segment.max_doc())
            })
            .collect();
        let groups = groups(&living).into_iter();
        groups.map(|group| MergeCandidate(group.into_iter().map(|index| segments[index].id()).collect())).collect()
    }
}

impl BySize {
    /// Bytes of the files of each segment, whose names begin with its id. What cannot be seen counts as small.
    fn sizes(&self) -> HashMap<String, u64> {
        let mut sizes = HashMap::new();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if let (Some((id, _)), Ok(metadata)) = (name.to_string_lossy().split_once('.'), entry.metadata()) {
                *sizes.entry(id.to_owned()).or_insert(0) += metadata.len();
            }
        }
        sizes
    }
}

/// What a merge would keep of a segment: documents that were replaced go.
fn living_bytes(size: u64, living: u32, all: u32) -> u64 {
    size / u64::from(all.max(1)) * u64::from(living)
}

/// Indices of segments of these sizes that are to be merged with one another.
fn groups(sizes: &[u64]) -> Vec<Vec<usize>> {
    let mut of_size: [Vec<usize>; SIZES.len()] = Default::default();
    for (index, size) in sizes.iter().enumerate() {
        if let Some(level) = SIZES.iter().position(|bound| size < bound) {
            of_size[level].push(index);
        }
    }
    of_size.iter().flat_map(|level| level.chunks_exact(TOGETHER)).map(<[usize]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn eight_of_a_size_are_merged() {
        assert_eq!(groups(&[]), Vec::<Vec<usize>>::new());
        assert!(groups(&[5 * MIB; 7]).is_empty());
        assert_eq!(groups(&[5 * MIB; 8]), vec![(0..8).collect::<Vec<_>>()]);
        assert_eq!(groups(&[10; 17]).len(), 2, "two merges, and one is left");
        assert!(groups(&[100 * MIB; 20]).is_empty(), "what is large stays");
        let mixed = [5 * MIB, 10, 5 * MIB, 10, 5 * MIB, 10, 5 * MIB, 10, 5 * MIB, 10, 5 * MIB, 10, 5 * MIB, 10];
        assert!(groups(&mixed).is_empty(), "seven of each");
    }

    #[test]
    fn what_is_replaced_does_not_weigh() {
        assert_eq!(living_bytes(40 * MIB, 0, 400), 0);
        assert!(living_bytes(40 * MIB, 40, 400) < 8 * MIB);
        assert_eq!(living_bytes(0, 0, 0), 0);
    }

    /// Bulks of any size, one after the other, each merged as the policy says.
    #[test]
    fn no_merge_is_large_and_no_document_is_merged_often() {
        for bulk in [1 << 10, 64 << 10, 700 << 10, 5 * MIB, 20 * MIB] {
            // Of each segment: bytes, and how often they were merged.
            let mut segments: Vec<(u64, u32)> = Vec::new();
            for _ in 0..2_000 {
                segments.push((bulk, 0));
                loop {
                    let sizes: Vec<u64> = segments.iter().map(|(bytes, _)| *bytes).collect();
                    let Some(group) = groups(&sizes).into_iter().next() else { break };
                    let merged: u64 = group.iter().map(|index| segments[*index].0).sum();
                    let often = group.iter().map(|index| segments[*index].1).max().unwrap_or(0) + 1;
                    assert!(merged <= 64 * MIB, "{merged} bytes at once");
                    segments = segments
                        .into_iter()
                        .enumerate()
                        .filter(|(index, _)| !group.contains(index))
                        .map(|(_, segment)| segment)
                        .collect();
                    segments.push((merged, often));
                }
            }
            let small = segments.iter().filter(|(bytes, _)| *bytes < 8 * MIB).count();
            assert!(small <= SIZES.len() * TOGETHER, "{small} small segments of bulks of {bulk} bytes");
            assert!(segments.iter().all(|(_, often)| *often as usize <= SIZES.len()), "{segments:?}");
        }
    }
}
