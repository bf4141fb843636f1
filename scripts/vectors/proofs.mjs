// SPDX-License-Identifier: AGPL-3.0-or-later
// Writes proof.json: real proofs by snarkjs with the ceremony's keys. Proofs are blinded, so that each run writes others.

import { Group } from "@semaphore-protocol/group"
import { Base8, mulPointEscalar, subOrder } from "@zk-kit/baby-jubjub"
import { poseidon2 } from "poseidon-lite"
import { groth16 } from "snarkjs"
import { artefact, hex, keccak, readJson, sample, signal, word, write } from "./common.mjs"

const DEPTH = 20

const g1 = ([x, y]) => hex(x) + hex(y)
const g2 = ([[x0, x1], [y0, y1]]) => hex(x1) + hex(x0) + hex(y1) + hex(y0)

function keyOf(depth) {
    const k = readJson(artefact(depth, "json"))
    const data = "0x" + g1(k.vk_alpha_1) + g2(k.vk_beta_2) + g2(k.vk_gamma_2) + g2(k.vk_delta_2) + k.IC.map(g1).join("")
    return { depth, key: data, keyHash: keccak(data) }
}

const commitment = (secret) => poseidon2(mulPointEscalar(Base8, secret))

async function prove(name, secrets, index, message, scope, depth = DEPTH) {
    const group = new Group(secrets.map(commitment))
    const path = group.generateMerkleProof(index)
    const input = {
        secret: secrets[index],
        merkleProofLength: path.siblings.length,
        merkleProofIndex: path.index,
        merkleProofSiblings: [...path.siblings, ...Array(depth - path.siblings.length).fill(0n)],
        message: signal(message),
        scope: signal(scope)
    }
    const { proof, publicSignals } = await groth16.fullProve(input, artefact(depth, "wasm"), artefact(depth, "zkey"))
    const [root, nullifier] = publicSignals.map(BigInt)
    if (root !== group.root || nullifier !== poseidon2([signal(scope), secrets[index]])) throw new Error("not the circuit's statement")
    return {
        name,
        members: group.members.map(word),
        secret: word(secrets[index]),
        index,
        path: path.index,
        siblings: path.siblings.map(word),
        message,
        scope,
        publics: publicSignals.map(word),
        proof: "0x" + g1(proof.pi_a) + g2(proof.pi_b) + g1(proof.pi_c)
    }
}

const secrets = [...Array(8).keys()].map((i) => (sample("secret", i) % (subOrder - 1n)) + 1n)
const scope = keccak(new TextEncoder().encode("scope of the vectors"))
const message = (i) => keccak(new TextEncoder().encode(`ballot ${i}`))

const cases = []
for (let size = 1; size < 8; size += 1) {
    cases.push(await prove(`last of ${size}`, secrets.slice(0, size), size - 1, message(size), scope))
}
for (let index = 0; index < 8; index += 1) {
    cases.push(await prove(`member ${index} of 8`, secrets, index, message(100 + index), scope))
}
cases.push(await prove("member 3 of 8, a second ballot", secrets, 3, message(200), scope))
cases.push(await prove("member 3 of 8, in another scope", secrets, 3, message(103), keccak(new TextEncoder().encode("another scope"))))
const foreign = await prove("member 3 of 8, by the circuit of depth 19", secrets, 3, message(103), scope, 19)

write("proof", "Semaphore v4 proofs; secret, members and path are words, proofs as docs/protocol/ballot.md lays them out; by snarkjs", {
    ...keyOf(DEPTH),
    cases,
    foreign: { ...keyOf(19), ...foreign }
})
process.exit(0) // snarkjs leaves its workers running
