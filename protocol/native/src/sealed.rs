// SPDX-License-Identifier: AGPL-3.0-or-later
//! Opening of sealed ballots: hashed ElGamal on bn254's G1 (design, section 6).

use ark_bn254::{Fr, G1Affine, G1Projective};
use ark_ec::CurveGroup;
use rayon::prelude::*;

use crate::encoding::{g1, g1_bytes, index_word, keccak256, Word, G1_BYTES, WORD};
use crate::fault::{first_fault, Fault};

const SEQUENCE: usize = 4;
/// nullifier(32) | sequence(4) | channel(1) | R(64), then the ciphertext.
pub const HEADER: usize = WORD + SEQUENCE + 1 + G1_BYTES;
const DOMAIN: &[u8] = b"urna/seal/v1";
const STEP: usize = 256;

fn unmask(domain: &Word, scope: &Word, record: &[u8], shared: &G1Affine, out: &mut Vec<u8>) {
    let (nullifier, rest) = record.split_at(WORD);
    let (sequence, rest) = rest.split_at(SEQUENCE);
    let (point, ciphertext) = rest[1..].split_at(G1_BYTES);
    let mut sequence_word = [0u8; WORD];
    sequence_word[WORD - SEQUENCE..].copy_from_slice(sequence);
    let shared = g1_bytes(shared);
    for (k, word) in ciphertext.chunks_exact(WORD).enumerate() {
        let mask = keccak256(&[domain, scope, nullifier, &sequence_word, point, &shared, &index_word(k as u64)]);
        out.extend(word.iter().zip(mask).map(|(c, m)| c ^ m));
    }
}

fn open_step(secret: &Fr, domain: &Word, scope: &Word, records: &[&[u8]], points: &[G1Affine]) -> Vec<u8> {
    let shared: Vec<G1Projective> = points.iter().map(|point| *point * secret).collect();
    let mut out = Vec::new();
    for (record, shared) in records.iter().zip(G1Projective::normalize_batch(&shared)) {
        unmask(domain, scope, record, &shared, &mut out);
    }
    out
}

/// Plaintexts of all records in order; the first R that is no point of the curve is named.
pub fn open(secret: &Fr, scope: &Word, records: &[&[u8]]) -> Result<Vec<u8>, Fault> {
    let point =
        |(i, record): (usize, &&[u8])| g1(&record[HEADER - G1_BYTES..HEADER], "ballot R").map_err(|fault| fault.at(i));
    let points = first_fault(records.par_iter().enumerate().map(point).collect())?;
    let domain = keccak256(&[DOMAIN]);
    let plaintexts: Vec<Vec<u8>> = records
        .par_chunks(STEP)
        .zip(points.par_chunks(STEP))
        .map(|(records, points)| open_step(secret, &domain, scope, records, points))
        .collect();
    Ok(plaintexts.concat())
}
