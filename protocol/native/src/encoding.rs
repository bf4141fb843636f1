// SPDX-License-Identifier: AGPL-3.0-or-later
//! Big-endian 32-byte words and points of bn254 in the order of the EVM's precompiles (EIP-196, EIP-197).

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInt, PrimeField};
use tiny_keccak::{Hasher, Keccak};

use crate::fault::{Fault, Reason};

pub const WORD: usize = 32;
pub const G1_BYTES: usize = 64;
pub const G2_BYTES: usize = 128;
pub type Word = [u8; WORD];

pub fn keccak256(parts: &[&[u8]]) -> Word {
    let mut hasher = Keccak::v256();
    for part in parts {
        hasher.update(part);
    }
    let mut out = [0u8; WORD];
    hasher.finalize(&mut out);
    out
}

pub fn word(bytes: &[u8], what: &'static str) -> Result<Word, Fault> {
    bytes.try_into().map_err(|_| Fault::new(Reason::WrongLength, what))
}

/// An integer as one ABI word.
pub fn index_word(value: u64) -> Word {
    let mut out = [0u8; WORD];
    out[24..].copy_from_slice(&value.to_be_bytes());
    out
}

/// Splits into items of `size` bytes; a rest is refused.
pub fn items<'a>(bytes: &'a [u8], size: usize, what: &'static str) -> Result<Vec<&'a [u8]>, Fault> {
    if size == 0 || !bytes.len().is_multiple_of(size) {
        return Err(Fault::new(Reason::WrongLength, what));
    }
    Ok(bytes.chunks_exact(size).collect())
}

fn canonical<F: PrimeField<BigInt = BigInt<4>>>(bytes: &[u8]) -> Option<F> {
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.chunks_exact(8)) {
        *limb = u64::from_be_bytes(chunk.try_into().ok()?);
    }
    F::from_bigint(BigInt::new(limbs))
}

fn write<F: PrimeField<BigInt = BigInt<4>>>(value: &F, out: &mut Vec<u8>) {
    for limb in value.into_bigint().0.iter().rev() {
        out.extend_from_slice(&limb.to_be_bytes());
    }
}

pub fn scalar(bytes: &[u8], what: &'static str) -> Result<Fr, Fault> {
    let bytes = word(bytes, what)?;
    canonical(&bytes).ok_or(Fault::new(Reason::ScalarRange, what))
}

pub fn scalars(bytes: &[u8], what: &'static str) -> Result<Vec<Fr>, Fault> {
    let words = items(bytes, WORD, what)?;
    words.iter().enumerate().map(|(i, w)| scalar(w, what).map_err(|e| e.at(i))).collect()
}

pub fn scalar_bytes(value: &Fr) -> Word {
    let mut out = Vec::with_capacity(WORD);
    write(value, &mut out);
    out.try_into().expect("four limbs of eight bytes")
}

fn coordinates<const N: usize>(bytes: &[u8], what: &'static str) -> Result<[Fq; N], Fault> {
    if bytes.len() != N * WORD {
        return Err(Fault::new(Reason::WrongLength, what));
    }
    let mut out = [Fq::from(0u64); N];
    for (value, chunk) in out.iter_mut().zip(bytes.chunks_exact(WORD)) {
        *value = canonical(chunk).ok_or(Fault::new(Reason::CoordinateRange, what))?;
    }
    Ok(out)
}

/// A point of G1 or infinity (64 zero bytes), as the precompiles take it.
pub fn g1_or_infinity(bytes: &[u8], what: &'static str) -> Result<G1Affine, Fault> {
    let [x, y] = coordinates::<2>(bytes, what)?;
    if bytes.iter().all(|b| *b == 0) {
        return Ok(G1Affine::identity());
    }
    let point = G1Affine::new_unchecked(x, y);
    if !point.is_on_curve() {
        return Err(Fault::new(Reason::OffCurve, what));
    }
    Ok(point)
}

/// A point of G1 other than infinity. The cofactor is 1, so that being on the curve is enough.
pub fn g1(bytes: &[u8], what: &'static str) -> Result<G1Affine, Fault> {
    let point = g1_or_infinity(bytes, what)?;
    if point.is_zero() {
        return Err(Fault::new(Reason::Infinity, what));
    }
    Ok(point)
}

/// A point of order r on the twist other than infinity: x.c1, x.c0, y.c1, y.c0.
pub fn g2(bytes: &[u8], what: &'static str) -> Result<G2Affine, Fault> {
    let [x1, x0, y1, y0] = coordinates::<4>(bytes, what)?;
    if bytes.iter().all(|b| *b == 0) {
        return Err(Fault::new(Reason::Infinity, what));
    }
    let point = G2Affine::new_unchecked(Fq2::new(x0, x1), Fq2::new(y0, y1));
    if !point.is_on_curve() {
        return Err(Fault::new(Reason::OffCurve, what));
    }
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(Fault::new(Reason::OutsideSubgroup, what));
    }
    Ok(point)
}

pub fn put_g1(point: &G1Affine, out: &mut Vec<u8>) {
    match point.xy() {
        Some((x, y)) => {
            write(&x, out);
            write(&y, out);
        }
        None => out.extend_from_slice(&[0u8; G1_BYTES]),
    }
}

pub fn put_g2(point: &G2Affine, out: &mut Vec<u8>) {
    match point.xy() {
        Some((x, y)) => {
            for part in [x.c1, x.c0, y.c1, y.c0] {
                write(&part, out);
            }
        }
        None => out.extend_from_slice(&[0u8; G2_BYTES]),
    }
}

pub fn g1_bytes(point: &G1Affine) -> Vec<u8> {
    let mut out = Vec::with_capacity(G1_BYTES);
    put_g1(point, &mut out);
    out
}
