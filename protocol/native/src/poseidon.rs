// SPDX-License-Identifier: AGPL-3.0-or-later
//! Poseidon over bn254's scalar field with two inputs (t = 3, alpha = 5, 8 full and 57 partial rounds).
//!
//! Grassi et al., "Poseidon: A New Hash Function for Zero-Knowledge Proof Systems" (USENIX Security 2021): constants from
//! the Grain LFSR of its appendix E, partial rounds rewritten with sparse matrices as in its appendix B. The
//! parameters are circomlib's; the vectors in tests/vectors/poseidon.json come from poseidon-lite.

use std::sync::OnceLock;

use ark_bn254::Fr;
use ark_ff::{BigInt, Field, PrimeField, Zero};

const T: usize = 3;
const FULL: usize = 8;
const PARTIAL: usize = 57;
const BITS: usize = 254;

type State = [Fr; T];
type Matrix = [State; T];
type Square = [[Fr; 2]; 2];

/// One partial round: constant of the first lane, first row, and first column below it of the sparse matrix.
struct Sparse {
    constant: Fr,
    row: State,
    column: [Fr; 2],
}

struct Parameters {
    mds: Matrix,
    before: [State; FULL / 2],
    partial: Vec<Sparse>,
    /// Undoes the change of basis that made the partial rounds sparse.
    back: Square,
    after: [State; FULL / 2],
}

/// The 80-bit LFSR in self-shrinking mode.
struct Grain {
    bits: [bool; 80],
    head: usize,
}

impl Grain {
    fn new() -> Self {
        let mut bits = [true; 80]; // the last 30 stay ones
        let fields = [(1, 2), (0, 4), (BITS, 12), (T, 12), (FULL, 10), (PARTIAL, 10)];
        let mut place = 0;
        for (value, width) in fields {
            for shift in (0..width).rev() {
                bits[place] = value >> shift & 1 == 1;
                place += 1;
            }
        }
        let mut grain = Grain { bits, head: 0 };
        for _ in 0..160 {
            grain.step();
        }
        grain
    }

    fn step(&mut self) -> bool {
        let tap = |offset: usize| self.bits[(self.head + offset) % 80];
        let bit = tap(62) ^ tap(51) ^ tap(38) ^ tap(23) ^ tap(13) ^ tap(0);
        self.bits[self.head] = bit;
        self.head = (self.head + 1) % 80;
        bit
    }

    fn bit(&mut self) -> bool {
        while !self.step() {
            self.step();
        }
        self.step()
    }

    fn integer(&mut self) -> BigInt<4> {
        let mut limbs = [0u64; 4];
        for place in (0..BITS).rev() {
            limbs[place / 64] |= u64::from(self.bit()) << (place % 64);
        }
        BigInt::new(limbs)
    }

    fn element(&mut self) -> Fr {
        loop {
            if let Some(value) = Fr::from_bigint(self.integer()) {
                return value;
            }
        }
    }

    /// As the reference script does for the matrix: reduced instead of drawn again.
    fn reduced(&mut self) -> Fr {
        let mut value = self.integer();
        while value >= Fr::MODULUS {
            ark_ff::BigInteger::sub_with_borrow(&mut value, &Fr::MODULUS);
        }
        Fr::from_bigint(value).expect("below the modulus")
    }
}

fn product(a: &Square, b: &Square) -> Square {
    let cell = |i: usize, j: usize| a[i][0] * b[0][j] + a[i][1] * b[1][j];
    [[cell(0, 0), cell(0, 1)], [cell(1, 0), cell(1, 1)]]
}

fn inverse(m: &Square) -> Square {
    let det = (m[0][0] * m[1][1] - m[0][1] * m[1][0]).inverse().expect("an MDS matrix's minors are invertible");
    [[m[1][1] * det, -m[0][1] * det], [-m[1][0] * det, m[0][0] * det]]
}

fn mix(m: &Matrix, s: &State) -> State {
    std::array::from_fn(|i| Fr::sum_of_products(&m[i], s))
}

fn fifth_power(x: &mut Fr) {
    let fourth = x.square().square();
    *x *= fourth;
}

impl Parameters {
    fn new() -> Self {
        let mut grain = Grain::new();
        let mut constants: Vec<State> = (0..FULL + PARTIAL).map(|_| std::array::from_fn(|_| grain.element())).collect();
        let seeds: [Fr; 2 * T] = std::array::from_fn(|_| grain.reduced());
        let mds: Matrix = std::array::from_fn(|i| {
            std::array::from_fn(|j| (seeds[i] + seeds[T + j]).inverse().expect("x + y is not zero"))
        });

        let half = FULL / 2;
        let lower = [[mds[1][1], mds[1][2]], [mds[2][1], mds[2][2]]];
        let mut back: Square = [[Fr::from(1u64), Fr::zero()], [Fr::zero(), Fr::from(1u64)]];
        let mut partial = Vec::with_capacity(PARTIAL);
        for round in half..half + PARTIAL {
            // Constants of the lanes without S-box pass through the matrix into the next round.
            let carried = mix(&mds, &[Fr::zero(), constants[round][1], constants[round][2]]);
            for (next, value) in constants[round + 1].iter_mut().zip(carried) {
                *next += value;
            }
            let row = [
                mds[0][0],
                mds[0][1] * back[0][0] + mds[0][2] * back[1][0],
                mds[0][1] * back[0][1] + mds[0][2] * back[1][1],
            ];
            back = product(&lower, &back);
            let undo = inverse(&back);
            let column = std::array::from_fn(|i| undo[i][0] * mds[1][0] + undo[i][1] * mds[2][0]);
            partial.push(Sparse { constant: constants[round][0], row, column });
        }
        Parameters {
            mds,
            before: std::array::from_fn(|i| constants[i]),
            partial,
            back,
            after: std::array::from_fn(|i| constants[half + PARTIAL + i]),
        }
    }

    fn full_round(&self, constants: &State, state: &mut State) {
        for (value, constant) in state.iter_mut().zip(constants) {
            *value += constant;
            fifth_power(value);
        }
        *state = mix(&self.mds, state);
    }

    fn hash(&self, a: Fr, b: Fr) -> Fr {
        let mut s = [Fr::zero(), a, b];
        for constants in &self.before {
            self.full_round(constants, &mut s);
        }
        for round in &self.partial {
            s[0] += round.constant;
            fifth_power(&mut s[0]);
            let first = Fr::sum_of_products(&round.row, &s);
            s = [first, s[1] + round.column[0] * s[0], s[2] + round.column[1] * s[0]];
        }
        let (x, y) = (s[1], s[2]);
        s[1] = self.back[0][0] * x + self.back[0][1] * y;
        s[2] = self.back[1][0] * x + self.back[1][1] * y;
        for constants in &self.after {
            self.full_round(constants, &mut s);
        }
        s[0]
    }
}

pub fn poseidon2(a: Fr, b: Fr) -> Fr {
    static PARAMETERS: OnceLock<Parameters> = OnceLock::new();
    PARAMETERS.get_or_init(Parameters::new).hash(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;

    #[test]
    fn equals_circomlib_for_one_and_two() {
        let expected = "7853200120776062878684798364095072458815029376092732009249414926327459813530";
        assert_eq!(poseidon2(Fr::from(1u64), Fr::from(2u64)), Fr::from_str(expected).unwrap());
    }
}
