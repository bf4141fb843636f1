// SPDX-License-Identifier: AGPL-3.0-or-later
//! Multiples of Baby Jubjub's generator of prime order (EIP-2494, there called `B`, in circomlib `Base8`).

use std::str::FromStr;
use std::sync::OnceLock;

use ark_bn254::Fr;
use ark_ff::{batch_inversion, BigInt, Field, One, PrimeField, Zero};

const A: u64 = 168_700;
const D: u64 = 168_696;
const BASE_X: &str = "5299619240641551281634865583518297030282874472190772894086521144482721001553";
const BASE_Y: &str = "16950150798460657717958625567821834550301663161624707787222815936182638968203";
/// Order of the subgroup, 2736030358979909402780800718157159386076813972158567259200215660948447373041.
pub const ORDER: BigInt<4> =
    BigInt::new([0x677297dc392126f1, 0xab3eedb83920ee0a, 0x370a08b6d0302b0b, 0x060c89ce5c263405]);

const WINDOW: usize = 4;
const WINDOWS: usize = 63; // 252 bits, the order has 251

type Affine = (Fr, Fr);

#[derive(Clone, Copy)]
struct Point {
    x: Fr,
    y: Fr,
    z: Fr,
}

impl Point {
    const fn new(x: Fr, y: Fr, z: Fr) -> Self {
        Point { x, y, z }
    }

    /// add-2008-bbjlp of the Explicit-Formulas Database; complete, since a is a square and d is not.
    fn add(&self, o: &Point) -> Point {
        let a = self.z * o.z;
        let b = a.square();
        let c = self.x * o.x;
        let d = self.y * o.y;
        let e = Fr::from(D) * c * d;
        let (f, g) = (b - e, b + e);
        let cross = (self.x + self.y) * (o.x + o.y) - c - d;
        Point::new(a * f * cross, a * g * (d - Fr::from(A) * c), f * g)
    }
}

/// `table[w][k] = k · 16^w · B`, affine.
fn table() -> &'static Vec<[Affine; 1 << WINDOW]> {
    static TABLE: OnceLock<Vec<[Affine; 1 << WINDOW]>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let parse = |s| Fr::from_str(s).expect("a decimal below r");
        let mut base = Point::new(parse(BASE_X), parse(BASE_Y), Fr::one());
        let mut points = Vec::with_capacity(WINDOWS << WINDOW);
        for _ in 0..WINDOWS {
            let mut multiple = Point::new(Fr::zero(), Fr::one(), Fr::one());
            for _ in 0..1 << WINDOW {
                points.push(multiple);
                multiple = multiple.add(&base);
            }
            base = multiple;
        }
        let mut inverses: Vec<Fr> = points.iter().map(|p| p.z).collect();
        batch_inversion(&mut inverses);
        let affine: Vec<Affine> = points.iter().zip(inverses).map(|(p, i)| (p.x * i, p.y * i)).collect();
        affine.chunks_exact(1 << WINDOW).map(|c| std::array::from_fn(|k| c[k])).collect()
    })
}

/// `secret · B` for a secret below the order, without branches on the secret.
pub fn public_key(secret: &BigInt<4>) -> Affine {
    let mut sum = Point::new(Fr::zero(), Fr::one(), Fr::one());
    for (w, multiples) in table().iter().enumerate() {
        let place = w * WINDOW;
        let digit = secret.0[place / 64] >> (place % 64) & ((1 << WINDOW) - 1);
        let (x, y) = multiples[digit as usize];
        sum = sum.add(&Point::new(x, y, Fr::one()));
    }
    let inverse = sum.z.inverse().expect("complete addition keeps z from zero");
    (sum.x * inverse, sum.y * inverse)
}

/// The secret as an integer, if it lies in [1, order).
pub fn secret(value: &Fr) -> Option<BigInt<4>> {
    let integer = value.into_bigint();
    (!value.is_zero() && integer < ORDER).then_some(integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_lie_on_the_curve_and_the_order_closes() {
        for n in [1u64, 2, 15, 16, 255, u64::MAX] {
            let (x, y) = public_key(&BigInt::from(n));
            let (xx, yy) = (x.square(), y.square());
            assert_eq!(Fr::from(A) * xx + yy, Fr::one() + Fr::from(D) * xx * yy);
        }
        assert_eq!(public_key(&ORDER), (Fr::zero(), Fr::one()));
    }
}
