// SPDX-License-Identifier: AGPL-3.0-or-later
//! LeanIMT (zk-kit): binary, no zero hashes; a node without a right sibling is carried up unchanged.

use ark_bn254::Fr;
use rayon::prelude::*;

use crate::fault::{Fault, Reason};
use crate::poseidon::poseidon2;

/// The circuit's depth; a contract refuses leaf 2^20 + 1.
pub const MAX_DEPTH: usize = 20;
/// Below this, threads cost more than they save.
const PARALLEL_FROM: usize = 64;

#[derive(Clone)]
pub struct Tree {
    /// `levels[0]` are the leaves; the last level holds the root alone.
    levels: Vec<Vec<Fr>>,
}

/// Siblings from the leaf upwards and the path as the circuit takes it: bit i says that the node was a right child
/// at the i-th level that has a sibling.
pub struct Path {
    pub siblings: Vec<Fr>,
    pub index: u64,
}

fn parent(children: &[Fr], place: usize) -> Fr {
    match children.get(2 * place + 1) {
        Some(right) => poseidon2(children[2 * place], *right),
        None => children[2 * place],
    }
}

impl Tree {
    pub fn new() -> Self {
        Tree { levels: vec![Vec::new()] }
    }

    pub fn leaves(&self) -> &[Fr] {
        &self.levels[0]
    }

    pub fn root(&self) -> Option<Fr> {
        self.levels.last().and_then(|level| level.first()).copied()
    }

    pub fn insert_many(&mut self, leaves: &[Fr]) -> Result<(), Fault> {
        let size = self.levels[0].len() + leaves.len();
        if size > 1 << MAX_DEPTH {
            return Err(Fault::new(Reason::FullTree, "leaves"));
        }
        if leaves.is_empty() {
            return Ok(());
        }
        let depth = size.next_power_of_two().trailing_zeros() as usize;
        self.levels.resize(depth + 1, Vec::new());
        let mut from = self.levels[0].len();
        self.levels[0].extend_from_slice(leaves);
        for level in 0..depth {
            from /= 2;
            let (below, above) = self.levels.split_at_mut(level + 1);
            let (children, parents) = (&below[level], &mut above[0]);
            let upto = children.len().div_ceil(2);
            parents.truncate(from);
            if upto - from < PARALLEL_FROM {
                parents.extend((from..upto).map(|place| parent(children, place)));
            } else {
                parents.par_extend((from..upto).into_par_iter().map(|place| parent(children, place)));
            }
        }
        Ok(())
    }

    pub fn update(&mut self, index: usize, leaf: Fr) -> Result<(), Fault> {
        self.check(index)?;
        self.levels[0][index] = leaf;
        let mut place = index;
        for level in 1..self.levels.len() {
            place /= 2;
            self.levels[level][place] = parent(&self.levels[level - 1], place);
        }
        Ok(())
    }

    pub fn path(&self, index: usize) -> Result<Path, Fault> {
        self.check(index)?;
        let mut path = Path { siblings: Vec::new(), index: 0 };
        let mut place = index;
        for level in &self.levels[..self.levels.len() - 1] {
            if let Some(sibling) = level.get(place ^ 1) {
                path.index |= ((place & 1) as u64) << path.siblings.len();
                path.siblings.push(*sibling);
            }
            place /= 2;
        }
        Ok(path)
    }

    pub fn leaf(&self, index: usize) -> Result<Fr, Fault> {
        self.check(index)?;
        Ok(self.levels[0][index])
    }

    fn check(&self, index: usize) -> Result<(), Fault> {
        if index >= self.levels[0].len() {
            return Err(Fault::new(Reason::IndexRange, "leaf").at(index));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u64) -> Vec<Fr> {
        (1..=count).map(Fr::from).collect()
    }

    fn climb(mut node: Fr, path: &Path) -> Fr {
        for (i, sibling) in path.siblings.iter().enumerate() {
            node = if path.index >> i & 1 == 1 { poseidon2(*sibling, node) } else { poseidon2(node, *sibling) };
        }
        node
    }

    #[test]
    fn one_by_one_equals_all_at_once() {
        let mut grown = Tree::new();
        for count in 1..=40u64 {
            grown.insert_many(&[Fr::from(count)]).unwrap();
            let mut whole = Tree::new();
            whole.insert_many(&leaves(count)).unwrap();
            assert_eq!(grown.levels, whole.levels, "{count}");
        }
    }

    #[test]
    fn every_path_climbs_to_the_root_after_updates() {
        let mut tree = Tree::new();
        tree.insert_many(&leaves(37)).unwrap();
        for index in [0, 17, 36] {
            tree.update(index, Fr::from(1000 + index as u64)).unwrap();
        }
        for (index, leaf) in tree.leaves().iter().enumerate() {
            assert_eq!(climb(*leaf, &tree.path(index).unwrap()), tree.root().unwrap());
        }
        assert_eq!(tree.update(37, Fr::from(1u64)).unwrap_err().reason, Reason::IndexRange);
    }
}
