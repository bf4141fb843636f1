// SPDX-License-Identifier: AGPL-3.0-or-later
//! Proofs without a witness, for whoever made the key and kept its secrets: tests and benchmarks only.

use ark_bn254::{Fr, G1Projective, G2Projective};
use ark_ec::scalar_mul::BatchMulPreprocessing;
use ark_ec::PrimeGroup;
use ark_ff::Field;
use rayon::prelude::*;

use crate::encoding::{index_word, keccak256, scalar_bytes, scalars, Word, WORD};
use crate::fault::{Fault, Reason};
use crate::groth16::{hash_to_scalar, Inputs, Proof, Trapdoor, PROOF_BYTES, TRAPDOOR_BYTES};

fn draw(seed: &Word, label: &[u8], index: usize) -> Fr {
    hash_to_scalar(&keccak256(&[seed, label, &index_word(index as u64)]))
}

impl Trapdoor {
    pub fn from_seed(seed: &Word) -> Self {
        let secret = |i| draw(seed, b"trapdoor", i);
        Trapdoor {
            alpha: secret(0),
            beta: secret(1),
            gamma: secret(2),
            delta: secret(3),
            ic: std::array::from_fn(|i| secret(4 + i)),
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let head = [self.alpha, self.beta, self.gamma, self.delta];
        head.iter().chain(&self.ic).flat_map(scalar_bytes).collect()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() != TRAPDOOR_BYTES {
            return Err(Fault::new(Reason::WrongLength, "trapdoor"));
        }
        let s = scalars(bytes, "trapdoor")?;
        debug_assert_eq!(s.len() * WORD, TRAPDOOR_BYTES);
        Ok(Trapdoor { alpha: s[0], beta: s[1], gamma: s[2], delta: s[3], ic: std::array::from_fn(|i| s[4 + i]) })
    }
}

/// One valid proof for each statement, 256 bytes each.
pub fn simulate(trapdoor: &Trapdoor, inputs: &[Inputs], seed: &Word) -> Result<Vec<u8>, Fault> {
    let inverse = trapdoor.delta.inverse().ok_or(Fault::new(Reason::ScalarRange, "trapdoor delta"))?;
    let draws =
        |label: &'static [u8]| -> Vec<Fr> { (0..inputs.len()).into_par_iter().map(|i| draw(seed, label, i)).collect() };
    let (a, b) = (draws(b"a"), draws(b"b"));
    let c: Vec<Fr> =
        (0..inputs.len()).into_par_iter().map(|i| trapdoor.numerator(a[i], b[i], &inputs[i]) * inverse).collect();
    let g = BatchMulPreprocessing::new(G1Projective::generator(), 2 * inputs.len());
    let h = BatchMulPreprocessing::new(G2Projective::generator(), inputs.len());
    let (a, b, c) = (g.batch_mul(&a), h.batch_mul(&b), g.batch_mul(&c));
    let mut out = Vec::with_capacity(inputs.len() * PROOF_BYTES);
    for ((a, b), c) in a.into_iter().zip(b).zip(c) {
        Proof { a, b, c }.encode(&mut out);
    }
    Ok(out)
}
