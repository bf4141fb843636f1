// SPDX-License-Identifier: AGPL-3.0-or-later
// Writes poseidon.json, identity.json and lean_imt.json with Semaphore's and zk-kit's own libraries.

import { Identity } from "@semaphore-protocol/identity"
import { Base8, mulPointEscalar, subOrder } from "@zk-kit/baby-jubjub"
import { LeanIMT } from "@zk-kit/lean-imt"
import { poseidon2 } from "poseidon-lite"
import { domain, hex, keccak, ORDER, sample, signal, word, write } from "./common.mjs"

function poseidon() {
    const edges = [0n, 1n, 2n, ORDER - 1n]
    const pairs = edges.flatMap((a) => edges.map((b) => [a, b]))
    for (let i = 0; i < 48; i += 1) pairs.push([sample("a", i), sample("b", i)])
    const cases = pairs.map(([a, b]) => ({ a: word(a), b: word(b), hash: word(poseidon2([a, b])) }))
    write("poseidon", "Poseidon of two field elements; by poseidon-lite", { cases })
}

function described(secret, scope) {
    const [x, y] = mulPointEscalar(Base8, secret)
    const nullifier = poseidon2([signal(scope), secret])
    return { secret: word(secret), x: word(x), y: word(y), commitment: word(poseidon2([x, y])), scope, nullifier: word(nullifier) }
}

function derive({ master, chainId, initiatives, initiative, attempt }) {
    const head = domain("urna/identity/v1") + [master, chainId, initiatives, initiative, attempt].map((v) => hex(v)).join("")
    const wide = BigInt(keccak(head + hex(0)) + keccak(head + hex(1)).slice(2))
    return (wide % (subOrder - 1n)) + 1n
}

function identity() {
    const secrets = [1n, 2n, subOrder - 1n]
    for (let i = 0; i < 24; i += 1) secrets.push(new Identity(`person ${i}`).secretScalar)
    const cases = secrets.map((secret, i) => described(secret, word(sample("scope", i))))
    for (let i = 3; i < cases.length; i += 1) {
        if (BigInt(cases[i].commitment) !== new Identity(`person ${i - 3}`).commitment) throw new Error("not Semaphore's commitment")
    }
    const derived = []
    for (let i = 0; i < 24; i += 1) {
        const input = {
            master: keccak(new TextEncoder().encode(`master ${i % 3}`)),
            chainId: i % 2 ? 31337 : 4242,
            initiatives: keccak(new TextEncoder().encode(`address ${i % 5}`)).slice(0, 42),
            initiative: i,
            attempt: i % 3
        }
        const secret = derive(input)
        derived.push({ ...input, secret: word(secret), commitment: described(secret, word(0)).commitment })
    }
    write("identity", "Baby Jubjub public keys, commitments, nullifiers, derived secrets; by Semaphore's and zk-kit's libraries", { cases, derived })
}

function leanImt() {
    const hash = (a, b) => poseidon2([a, b])
    const leaf = (i) => sample("leaf", i)
    const sizes = [...Array(40).keys()].map((i) => i + 1).concat([63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 511, 1000])
    const cases = []
    const grown = new LeanIMT(hash)
    for (const size of sizes) {
        const before = grown.size
        const added = [...Array(size - before).keys()].map((i) => leaf(before + i))
        if (size % 2) added.forEach((l) => grown.insert(l))
        else grown.insertMany(added)
        const proofs = [...new Set([0, size >> 1, size - 1])].map((index) => {
            const { index: path, siblings } = grown.generateProof(index)
            return { index, path, siblings: siblings.map(word) }
        })
        cases.push({ size, root: word(grown.root), proofs: size <= 12 || size === 1000 ? proofs : proofs.slice(-1) })
    }
    const updates = sizes.filter((size) => size < 20 || size > 90).map((size) => {
        const tree = new LeanIMT(hash, [...Array(size).keys()].map(leaf))
        const steps = [0, size >> 1, size - 1].map((index, k) => {
            tree.update(index, sample("replacement", 3 * size + k))
            return { index, leaf: word(sample("replacement", 3 * size + k)), root: word(tree.root) }
        })
        return { size, steps }
    })
    write("lean_imt", "Leaf i is keccak(ASCII 'leaf/<i>') mod r. Roots, paths and updates; by @zk-kit/lean-imt", { cases, updates })
}

poseidon()
identity()
leanImt()
