// SPDX-License-Identifier: AGPL-3.0-or-later
//! Many Groth16 proofs by one random linear combination (Bellare, Garay, Rabin, EUROCRYPT 1998), and bisection.
//!
//! With random r_i of 128 bits, `Π e(r_i A_i, B_i) = e(Σr_i α, β) e(Σ r_i L_i, γ) e(Σ r_i C_i, δ)` holds for a set with a wrong
//! proof with probability 2^-128 only. The Miller values of small groups of proofs are kept, so that looking for a wrong
//! one costs a few pairings a step and no second pass.

use ark_bn254::{Bn254, Fq12, Fr, G1Affine, G1Projective};
use ark_ec::pairing::{MillerLoopOutput, Pairing};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{AdditiveGroup, Zero};
use rayon::prelude::*;

use crate::encoding::{index_word, keccak256, Word};
use crate::groth16::{Inputs, Key, Proof, PUBLICS};

/// Proofs whose Miller values are kept as one product.
const GROUP: usize = 16;

/// One proof with its coefficient applied to A.
struct Term<'a> {
    proof: &'a Proof,
    inputs: &'a Inputs,
    weight: u128,
}

/// A run of consecutive terms and the product of their Miller values.
struct Run {
    first: usize,
    count: usize,
    miller: Fq12,
}

fn weight(seed: &Word, index: usize) -> u128 {
    let hash = keccak256(&[seed, &index_word(index as u64)]);
    let low: [u8; 16] = hash[16..].try_into().expect("half of a hash");
    u128::from_be_bytes(low).max(1)
}

/// `weight · point` by signed digits of four bits.
fn times(point: &G1Affine, weight: u128) -> G1Projective {
    let mut odd = [G1Projective::zero(); 8];
    odd[0] = point.into_group();
    for k in 1..8 {
        odd[k] = if k % 2 == 1 { odd[k / 2].double() } else { odd[k - 1] + point };
    }
    let mut digits = [0i8; 33];
    let mut carry = 0;
    for (i, digit) in digits.iter_mut().enumerate() {
        let nibble = if i < 32 { (weight >> (4 * i) & 15) as i8 } else { 0 } + carry;
        carry = i8::from(nibble > 8);
        *digit = nibble - 16 * carry;
    }
    let mut sum = G1Projective::zero();
    for digit in digits.iter().rev() {
        for _ in 0..4 {
            sum.double_in_place();
        }
        match *digit {
            0 => {}
            d if d > 0 => sum += odd[d as usize - 1],
            d => sum -= odd[(-d) as usize - 1],
        }
    }
    sum
}

fn miller(terms: &[Term]) -> Fq12 {
    let scaled: Vec<G1Projective> = terms.par_iter().map(|t| times(&t.proof.a, t.weight)).collect();
    let left = G1Projective::normalize_batch(&scaled);
    Bn254::multi_miller_loop(left, terms.iter().map(|t| t.proof.b)).0
}

fn runs(terms: &[Term], first: usize, size: usize) -> Vec<Run> {
    let run = |(i, group): (usize, &[Term])| Run { first: first + i * size, count: group.len(), miller: miller(group) };
    terms.par_chunks(size).enumerate().map(run).collect()
}

struct Batch<'a> {
    key: &'a Key,
    terms: Vec<Term<'a>>,
}

impl Batch<'_> {
    fn holds(&self, runs: &[Run]) -> bool {
        let (Some(head), Some(tail)) = (runs.first(), runs.last()) else { return true };
        let terms = &self.terms[head.first..tail.first + tail.count];
        let mut sum = Fr::ZERO;
        let mut inputs = [Fr::ZERO; PUBLICS];
        for term in terms {
            let weight = Fr::from(term.weight);
            sum += weight;
            for (total, input) in inputs.iter_mut().zip(term.inputs) {
                *total += weight * input;
            }
        }
        let points: Vec<G1Affine> = terms.iter().map(|t| t.proof.c).collect();
        let weights: Vec<Fr> = terms.iter().map(|t| Fr::from(t.weight)).collect();
        let c = G1Projective::msm_unchecked(&points, &weights);
        let product: Fq12 = runs.iter().map(|r| r.miller).product();
        self.key.closes(MillerLoopOutput(product), sum, &inputs, c)
    }

    /// Collects into `bad` the runs that fail; `failed` says that the whole is known to.
    fn bisect<'r>(&self, runs: &'r [Run], failed: bool, bad: &mut Vec<&'r Run>) -> bool {
        if !failed && self.holds(runs) {
            return true;
        }
        if let [only] = runs {
            bad.push(only);
            return false;
        }
        let (left, right) = runs.split_at(runs.len() / 2);
        let left_holds = self.bisect(left, false, bad);
        // If the whole fails and its left half holds, the right half fails.
        self.bisect(right, left_holds, bad);
        false
    }

    fn bad(&self) -> Vec<usize> {
        let groups = runs(&self.terms, 0, GROUP);
        let mut bad_groups = Vec::new();
        self.bisect(&groups, false, &mut bad_groups);
        let mut bad = Vec::new();
        for group in bad_groups {
            let singles = runs(&self.terms[group.first..group.first + group.count], group.first, 1);
            let mut bad_singles = Vec::new();
            self.bisect(&singles, true, &mut bad_singles);
            bad.extend(bad_singles.iter().map(|single| single.first));
        }
        bad
    }
}

/// Indexes of the proofs that do not hold, ascending. The caller's seed must depend on all of the input.
pub fn bad_proofs(key: &Key, proofs: &[Proof], inputs: &[Inputs], seed: &Word) -> Vec<usize> {
    let term = |(i, (proof, inputs))| Term { proof, inputs, weight: weight(seed, i) };
    let terms = proofs.iter().zip(inputs).enumerate().map(term).collect();
    Batch { key, terms }.bad()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::PrimeGroup;

    #[test]
    fn times_equals_the_generic_product() {
        let point = G1Affine::generator();
        for weight in [1, 2, 8, 9, 15, 16, 0x89ab_cdef, u128::MAX, u128::MAX - 7, 1 << 127] {
            let limbs = [weight as u64, (weight >> 64) as u64];
            assert_eq!(times(&point, weight), G1Projective::generator().mul_bigint(limbs), "{weight:x}");
        }
    }
}
