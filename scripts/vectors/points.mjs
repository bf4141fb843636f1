// SPDX-License-Identifier: AGPL-3.0-or-later
// Writes points.json: products and sums in G1, and encodings that must be taken or refused; by snarkjs' curve library.

import { curves } from "snarkjs"
import { bytes, FIELD, hex, ORDER, sample, word, write } from "./common.mjs"

const curve = await curves.getCurveFromName("bn128")
const { G1, G2, F2 } = curve

const xy = (point) => G1.isZero(point) ? [0n, 0n] : G1.toObject(G1.toAffine(point)).slice(0, 2)
const g1 = (point) => "0x" + xy(point).map((v) => hex(v)).join("")
const g2Words = (point) => {
    const [[x0, x1], [y0, y1]] = G2.toObject(G2.toAffine(point))
    return [x1, x0, y1, y0]
}
const blob = (words) => "0x" + words.map((v) => hex(v)).join("")
const times = (group, point, scalar) => group.timesScalar(point, bytes(hex(scalar)).reverse())

const mod = (value) => ((value % FIELD) + FIELD) % FIELD

function power(base, exponent) {
    let out = 1n
    for (base = mod(base); exponent > 0n; exponent >>= 1n, base = mod(base * base)) if (exponent & 1n) out = mod(out * base)
    return out
}

/** A root mod p, or undefined; p = 3 mod 4. */
function root(value) {
    const candidate = power(value, (FIELD + 1n) / 4n)
    return mod(candidate * candidate - value) === 0n ? candidate : undefined
}

/** A root of a + b·u, u² = -1, by the root of its norm. */
function root2([a, b]) {
    const norm = root(a * a + b * b)
    if (norm === undefined) return undefined
    const half = (FIELD + 1n) / 2n
    const real = root((a + norm) * half) ?? root((a - norm) * half)
    return [real, mod(b * half * power(real, FIELD - 2n))]
}

function outsideSubgroup() {
    // The twist's cofactor is huge, so that nearly every point of it lies outside the subgroup of order r.
    const b = F2.div(F2.fromObject([3n, 0n]), F2.fromObject([9n, 1n]))
    for (let i = 1n; ; i += 1n) {
        const x = F2.fromObject([i, 5n])
        const y = root2(F2.toObject(F2.add(F2.mul(F2.square(x), x), b)))
        if (y) return [5n, i, y[1], y[0]]
    }
}

function arithmetic() {
    const scalars = [0n, 1n, 2n, 3n, ORDER - 1n, ...[...Array(16).keys()].map((i) => sample("scalar", i))]
    const products = scalars.map((scalar, i) => {
        const point = times(G1, G1.g, sample("point", i))
        return { point: g1(point), scalar: word(scalar), product: g1(times(G1, point, scalar)) }
    })
    const sums = scalars.map((_, i) => {
        const left = times(G1, G1.g, sample("left", i))
        const right = i === 0 ? left : i === 1 ? G1.neg(left) : i === 2 ? G1.zero : times(G1, G1.g, sample("right", i))
        return { left: g1(left), right: g1(right), sum: g1(G1.add(left, right)) }
    })
    return { products, sums }
}

function encodings() {
    const a = xy(times(G1, G1.g, 77n))
    const c = xy(times(G1, G1.g, 78n))
    const b = g2Words(times(G2, G2.g, 79n))
    const out = outsideSubgroup()
    const cases = []
    const add = (kind, name, words, reason) => cases.push({ kind, name, blob: typeof words === "string" ? words : blob(words), reason })
    const replaced = (words, at, value) => words.map((v, i) => (i === at ? value : v))

    add("g1", "a point", a, "")
    add("g1", "the generator", [1n, 2n], "")
    add("g1", "infinity", [0n, 0n], "infinity")
    for (const at of [0, 1]) {
        add("g1", `coordinate ${at} = p`, replaced(a, at, FIELD), "coordinate-range")
        add("g1", `coordinate ${at} + p`, replaced(a, at, a[at] + FIELD), "coordinate-range")
        add("g1", `coordinate ${at} = 2^256 - 1`, replaced(a, at, (1n << 256n) - 1n), "coordinate-range")
        add("g1", `coordinate ${at} + 1`, replaced(a, at, a[at] + 1n), "off-curve")
    }
    add("g1", "x = 0", [0n, a[1]], "off-curve")
    add("g1", "63 bytes", blob(a).slice(0, -2), "wrong-length")
    add("g1", "65 bytes", blob(a) + "00", "wrong-length")
    add("g1", "nothing", "0x", "wrong-length")

    add("g2", "a point", b, "")
    add("g2", "infinity", [0n, 0n, 0n, 0n], "infinity")
    add("g2", "on the twist, outside the subgroup", out, "outside-subgroup")
    add("g2", "real and imaginary parts swapped", [b[1], b[0], b[3], b[2]], "off-curve")
    for (const at of [0, 1, 2, 3]) {
        add("g2", `coordinate ${at} = p`, replaced(b, at, FIELD), "coordinate-range")
        add("g2", `coordinate ${at} + p`, replaced(b, at, b[at] + FIELD), "coordinate-range")
        add("g2", `coordinate ${at} + 1`, replaced(b, at, (b[at] + 1n) % FIELD), "off-curve")
    }
    add("g2", "127 bytes", blob(b).slice(0, -2), "wrong-length")

    const proof = [...a, ...b, ...c]
    add("proof", "well-formed", proof, "")
    add("proof", "a byte too many", blob(proof) + "00", "wrong-length")
    add("proof", "a byte too few", blob(proof).slice(0, -2), "wrong-length")
    add("proof", "nothing", "0x", "wrong-length")
    add("proof", "all zero", Array(8).fill(0n), "infinity")
    for (let at = 0; at < 8; at += 1) {
        add("proof", `word ${at} + p`, replaced(proof, at, proof[at] + FIELD), "coordinate-range")
        add("proof", `word ${at} + 1`, replaced(proof, at, (proof[at] + 1n) % FIELD), "off-curve")
    }
    add("proof", "A at infinity", [0n, 0n, ...b, ...c], "infinity")
    add("proof", "B at infinity", [...a, 0n, 0n, 0n, 0n, ...c], "infinity")
    add("proof", "C at infinity", [...a, ...b, 0n, 0n], "infinity")
    add("proof", "B outside the subgroup", [...a, ...out, ...c], "outside-subgroup")
    return cases
}

write("points", "Points of bn254 in the order of the EVM's precompiles; reason is empty where the blob is taken; by snarkjs", {
    ...arithmetic(),
    encodings: encodings()
})
await curve.terminate()
