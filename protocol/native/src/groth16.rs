// SPDX-License-Identifier: AGPL-3.0-or-later
//! Groth16 (Groth, EUROCRYPT 2016) for four public inputs: encodings and the check of one proof.

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::pairing::{MillerLoopOutput, Pairing};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
use ark_ff::{One, PrimeField};

use crate::encoding::{g1, g2, put_g1, put_g2, scalar, G1_BYTES, G2_BYTES, WORD};
use crate::fault::{Fault, Reason};

pub const PUBLICS: usize = 4;
pub const PROOF_BYTES: usize = 2 * G1_BYTES + G2_BYTES;
pub const PUBLIC_BYTES: usize = PUBLICS * WORD;
pub const KEY_BYTES: usize = G1_BYTES + 3 * G2_BYTES + (PUBLICS + 1) * G1_BYTES;

type G2Prepared = <Bn254 as Pairing>::G2Prepared;
pub type Inputs = [Fr; PUBLICS];

pub struct Key {
    pub alpha: G1Affine,
    pub beta: G2Prepared,
    pub gamma: G2Prepared,
    pub delta: G2Prepared,
    pub ic: [G1Affine; PUBLICS + 1],
}

pub struct Proof {
    pub a: G1Affine,
    pub b: G2Affine,
    pub c: G1Affine,
}

fn split<'a>(bytes: &mut &'a [u8], size: usize) -> &'a [u8] {
    let (head, tail) = bytes.split_at(size);
    *bytes = tail;
    head
}

impl Key {
    /// alpha | beta | gamma | delta | IC0..IC4, 24 words.
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() != KEY_BYTES {
            return Err(Fault::new(Reason::WrongLength, "verifying key"));
        }
        let mut rest = bytes;
        let alpha = g1(split(&mut rest, G1_BYTES), "key alpha")?;
        let beta = g2(split(&mut rest, G2_BYTES), "key beta")?;
        let gamma = g2(split(&mut rest, G2_BYTES), "key gamma")?;
        let delta = g2(split(&mut rest, G2_BYTES), "key delta")?;
        let mut ic = [G1Affine::identity(); PUBLICS + 1];
        for (i, point) in ic.iter_mut().enumerate() {
            *point = g1(split(&mut rest, G1_BYTES), "key IC").map_err(|e| e.at(i))?;
        }
        Ok(Key { alpha, beta: beta.into(), gamma: gamma.into(), delta: delta.into(), ic })
    }

    /// `weight · IC0 + Σ inputs_j · IC_j`.
    pub fn statement(&self, weight: Fr, inputs: &Inputs) -> G1Projective {
        let mut sum = self.ic[0] * weight;
        for (point, input) in self.ic[1..].iter().zip(inputs) {
            sum += *point * input;
        }
        sum
    }

    /// Whether `pairs · e(-weight·alpha, beta) · e(-statement, gamma) · e(-c, delta)` is one.
    pub fn closes(&self, pairs: MillerLoopOutput<Bn254>, weight: Fr, inputs: &Inputs, c: G1Projective) -> bool {
        let left = [-(self.alpha * weight), -self.statement(weight, inputs), -c];
        let left = G1Projective::normalize_batch(&left);
        let right = [self.beta.clone(), self.gamma.clone(), self.delta.clone()];
        let rest = Bn254::multi_miller_loop(left, right);
        Bn254::final_exponentiation(MillerLoopOutput(pairs.0 * rest.0)).is_some_and(|out| out.0.is_one())
    }

    pub fn verify(&self, proof: &Proof, inputs: &Inputs) -> bool {
        self.closes(Bn254::miller_loop(proof.a, proof.b), Fr::one(), inputs, proof.c.into_group())
    }
}

impl Proof {
    /// A | B | C, 256 bytes. Checked in this order: length; then A, B, C, each for range, infinity, curve, subgroup.
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() != PROOF_BYTES {
            return Err(Fault::new(Reason::WrongLength, "proof"));
        }
        let mut rest = bytes;
        let a = g1(split(&mut rest, G1_BYTES), "proof A")?;
        let b = g2(split(&mut rest, G2_BYTES), "proof B")?;
        let c = g1(rest, "proof C")?;
        Ok(Proof { a, b, c })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        put_g1(&self.a, out);
        put_g2(&self.b, out);
        put_g1(&self.c, out);
    }
}

pub fn decode_inputs(bytes: &[u8]) -> Result<Inputs, Fault> {
    if bytes.len() != PUBLIC_BYTES {
        return Err(Fault::new(Reason::WrongLength, "public inputs"));
    }
    let mut inputs = [Fr::from(0u64); PUBLICS];
    for (value, chunk) in inputs.iter_mut().zip(bytes.chunks_exact(WORD)) {
        *value = scalar(chunk, "public input")?;
    }
    Ok(inputs)
}

/// A key whose secrets are known, for tests and benchmarks.
pub struct Trapdoor {
    pub alpha: Fr,
    pub beta: Fr,
    pub gamma: Fr,
    pub delta: Fr,
    pub ic: [Fr; PUBLICS + 1],
}

pub const TRAPDOOR_BYTES: usize = (4 + PUBLICS + 1) * WORD;

impl Trapdoor {
    pub fn key(&self) -> Vec<u8> {
        let (g, h) = (G1Projective::generator(), ark_bn254::G2Projective::generator());
        let mut out = Vec::with_capacity(KEY_BYTES);
        put_g1(&(g * self.alpha).into_affine(), &mut out);
        for secret in [self.beta, self.gamma, self.delta] {
            put_g2(&(h * secret).into_affine(), &mut out);
        }
        for secret in self.ic {
            put_g1(&(g * secret).into_affine(), &mut out);
        }
        out
    }

    /// The discrete logarithm of C that makes a proof with `A = a·G`, `B = b·H` valid, times delta.
    pub fn numerator(&self, a: Fr, b: Fr, inputs: &Inputs) -> Fr {
        let statement: Fr = self.ic[1..].iter().zip(inputs).map(|(ic, input)| *ic * input).sum();
        a * b - self.alpha * self.beta - (self.ic[0] + statement) * self.gamma
    }
}

/// Reduces a 32-byte hash; its bias of 2^-2 in the top values does not matter where it is used.
pub fn hash_to_scalar(hash: &[u8]) -> Fr {
    Fr::from_be_bytes_mod_order(hash)
}
