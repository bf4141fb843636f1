// SPDX-License-Identifier: AGPL-3.0-or-later
//! A Groth16 prover over snarkjs' binary proving key (`.zkey`, sections as in snarkjs' src/zkey_utils.js).

use std::ops::Range;

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{BigInt, FftField, Field, PrimeField, Zero};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use rayon::prelude::*;

use crate::encoding::{G1_BYTES, G2_BYTES, WORD};
use crate::fault::{Fault, Reason};
use crate::groth16::Proof;

const GROTH16: u32 = 1;
const BROKEN: Fault = Fault { reason: Reason::BadKeyFile, what: "zkey", index: None };

/// `value` at (`constraint`, `signal`) of matrix A, or B if `in_b`.
struct Coefficient {
    in_b: bool,
    constraint: usize,
    signal: usize,
    value: Fr,
}

pub struct ProvingKey {
    publics: usize,
    domain: Radix2EvaluationDomain<Fr>,
    alpha: G1Affine,
    beta: (G1Affine, G2Affine),
    delta: (G1Affine, G2Affine),
    coefficients: Vec<Coefficient>,
    a: Vec<G1Affine>,
    /// Signals that occur in B (a third do not, their bases are infinity), and their bases.
    in_b: Vec<usize>,
    b1: Vec<G1Affine>,
    b2: Vec<G2Affine>,
    c: Vec<G1Affine>,
    h: Vec<G1Affine>,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        if count > self.0.len() {
            return Err(BROKEN);
        }
        let (head, tail) = self.0.split_at(count);
        self.0 = tail;
        Ok(head)
    }

    fn u32(&mut self) -> Result<usize, Fault> {
        let bytes = self.take(4)?.try_into().map_err(|_| BROKEN)?;
        Ok(u32::from_le_bytes(bytes) as usize)
    }

    fn u64(&mut self) -> Result<usize, Fault> {
        let bytes = self.take(8)?.try_into().map_err(|_| BROKEN)?;
        usize::try_from(u64::from_le_bytes(bytes)).map_err(|_| BROKEN)
    }

    fn limbs(&mut self) -> Result<BigInt<4>, Fault> {
        let mut limbs = [0u64; 4];
        for limb in &mut limbs {
            *limb = self.u64()? as u64;
        }
        Ok(BigInt::new(limbs))
    }

    /// A field element as it lies in memory: little-endian, Montgomery form.
    fn raw<F: PrimeField<BigInt = BigInt<4>>>(&mut self, new: fn(BigInt<4>) -> F) -> Result<F, Fault> {
        let limbs = self.limbs()?;
        if limbs >= F::MODULUS {
            return Err(BROKEN);
        }
        Ok(new(limbs))
    }

    fn fq(&mut self) -> Result<Fq, Fault> {
        self.raw(Fq::new_unchecked)
    }

    fn g1(&mut self) -> Result<G1Affine, Fault> {
        let (x, y) = (self.fq()?, self.fq()?);
        let point = if x.is_zero() && y.is_zero() { G1Affine::identity() } else { G1Affine::new_unchecked(x, y) };
        if point.is_on_curve() {
            Ok(point)
        } else {
            Err(BROKEN)
        }
    }

    fn g2(&mut self) -> Result<G2Affine, Fault> {
        let (x, y) = (Fq2::new(self.fq()?, self.fq()?), Fq2::new(self.fq()?, self.fq()?));
        let point = if x.is_zero() && y.is_zero() { G2Affine::identity() } else { G2Affine::new_unchecked(x, y) };
        if point.is_on_curve() {
            Ok(point)
        } else {
            Err(BROKEN)
        }
    }
}

/// Section number → place of its bytes.
fn sections(bytes: &[u8]) -> Result<Vec<Option<Range<usize>>>, Fault> {
    let mut reader = Reader(bytes);
    if reader.take(4)? != b"zkey" || reader.u32()? != 1 {
        return Err(BROKEN);
    }
    let count = reader.u32()?;
    let mut places = vec![None; 11];
    for _ in 0..count {
        let (number, size) = (reader.u32()?, reader.u64()?);
        let from = bytes.len() - reader.0.len();
        reader.take(size)?;
        if let Some(place) = places.get_mut(number) {
            *place = Some(from..from + size);
        }
    }
    Ok(places)
}

fn coefficients(bytes: &[u8], domain: usize, signals: usize) -> Result<Vec<Coefficient>, Fault> {
    // snarkjs stores v·R², so that a product with a plain witness value comes out in Montgomery form.
    let undo = Fr::from(2u64).pow([256]).inverse().ok_or(BROKEN)?;
    let mut reader = Reader(bytes);
    let count = reader.u32()?;
    if reader.0.len() != count * (12 + WORD) {
        return Err(BROKEN);
    }
    let mut out = Vec::with_capacity(count);
    for _ in 0..count {
        let (matrix, constraint, signal) = (reader.u32()?, reader.u32()?, reader.u32()?);
        let value = reader.raw(Fr::new_unchecked)? * undo;
        if matrix > 1 || constraint >= domain || signal >= signals {
            return Err(BROKEN);
        }
        out.push(Coefficient { in_b: matrix == 1, constraint, signal, value });
    }
    Ok(out)
}

impl ProvingKey {
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let places = sections(bytes)?;
        let section = |number: usize| places[number].clone().map(|place| &bytes[place]).ok_or(BROKEN);
        if Reader(section(1)?).u32()? != GROTH16 as usize {
            return Err(BROKEN);
        }
        let mut header = Reader(section(2)?);
        let moduli = (header.u32()?, header.limbs()?, header.u32()?, header.limbs()?);
        if moduli != (WORD, Fq::MODULUS, WORD, Fr::MODULUS) {
            return Err(BROKEN);
        }
        let (signals, publics, size) = (header.u32()?, header.u32()?, header.u32()?);
        let domain = Radix2EvaluationDomain::new(size).filter(|d| d.size() == size).ok_or(BROKEN)?;
        let private = signals.checked_sub(publics + 1).ok_or(BROKEN)?;
        let (alpha, beta1, beta2) = (header.g1()?, header.g1()?, header.g2()?);
        header.take(G2_BYTES)?; // gamma
        let (delta1, delta2) = (header.g1()?, header.g2()?);
        let g1s = |number: usize, count: usize| -> Result<Vec<G1Affine>, Fault> {
            let bytes = section(number)?;
            if bytes.len() != count * G1_BYTES {
                return Err(BROKEN);
            }
            bytes.par_chunks(G1_BYTES).map(|chunk| Reader(chunk).g1()).collect()
        };
        let b1 = g1s(6, signals)?;
        let b2 = section(7)?;
        if b2.len() != signals * G2_BYTES {
            return Err(BROKEN);
        }
        let b2: Vec<G2Affine> = b2.par_chunks(G2_BYTES).map(|chunk| Reader(chunk).g2()).collect::<Result<_, _>>()?;
        let in_b: Vec<usize> = (0..signals).filter(|i| !b1[*i].is_zero() || !b2[*i].is_zero()).collect();
        Ok(ProvingKey {
            publics,
            domain,
            alpha,
            beta: (beta1, beta2),
            delta: (delta1, delta2),
            coefficients: coefficients(section(4)?, size, signals)?,
            a: g1s(5, signals)?,
            b1: in_b.iter().map(|i| b1[*i]).collect(),
            b2: in_b.iter().map(|i| b2[*i]).collect(),
            in_b,
            c: g1s(8, private)?,
            h: g1s(9, size)?,
        })
    }

    /// Number of values in a witness, the leading one included.
    pub fn signals(&self) -> usize {
        self.a.len()
    }

    pub fn publics(&self) -> usize {
        self.publics
    }

    /// (A·w)(B·w) − C·w at the odd roots of the doubled domain, where H's bases are given.
    fn quotient(&self, witness: &[Fr]) -> Vec<Fr> {
        let size = self.domain.size();
        let (mut a, mut b) = (vec![Fr::zero(); size], vec![Fr::zero(); size]);
        for c in &self.coefficients {
            let row = if c.in_b { &mut b } else { &mut a };
            row[c.constraint] += c.value * witness[c.signal];
        }
        let mut c: Vec<Fr> = a.iter().zip(&b).map(|(a, b)| *a * b).collect();
        let odd = Fr::get_root_of_unity(2 * size as u64).expect("bn254 has roots of order 2^28");
        for values in [&mut a, &mut b, &mut c] {
            self.domain.ifft_in_place(values);
            Radix2EvaluationDomain::<Fr>::distribute_powers(values, odd);
            self.domain.fft_in_place(values);
        }
        a.iter().zip(&b).zip(&c).map(|((a, b), c)| *a * b - c).collect()
    }

    /// `r` and `s` blind the proof and must be uniform and used once.
    pub fn prove(&self, witness: &[Fr], r: Fr, s: Fr) -> Result<Proof, Fault> {
        if witness.len() != self.signals() || witness.first() != Some(&Fr::from(1u64)) {
            return Err(Fault::new(Reason::WrongLength, "witness"));
        }
        let quotient = self.quotient(witness);
        let in_b: Vec<Fr> = self.in_b.iter().map(|i| witness[*i]).collect();
        let private = &witness[self.publics + 1..];
        let a = G1Projective::msm_unchecked(&self.a, witness) + self.alpha + self.delta.0 * r;
        let b = G2Projective::msm_unchecked(&self.b2, &in_b) + self.beta.1 + self.delta.1 * s;
        let b1 = G1Projective::msm_unchecked(&self.b1, &in_b) + self.beta.0 + self.delta.0 * s;
        let c = G1Projective::msm_unchecked(&self.c, private)
            + G1Projective::msm_unchecked(&self.h, &quotient)
            + a * s
            + b1 * r
            - self.delta.0 * (r * s);
        Ok(Proof { a: a.into_affine(), b: b.into_affine(), c: c.into_affine() })
    }
}
