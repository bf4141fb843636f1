// SPDX-License-Identifier: AGPL-3.0-or-later
// Verifies the committed real proofs with snarkjs and prints milliseconds per proof, one number per round.

import { readFileSync } from "fs"
import { groth16 } from "snarkjs"

const [vectors, keyFile, rounds] = process.argv.slice(2)
const key = JSON.parse(readFileSync(keyFile, "utf8"))
const { cases } = JSON.parse(readFileSync(vectors, "utf8"))

const proofs = cases.map(({ proof, publics }) => {
    const w = [...Array(8).keys()].map((i) => BigInt("0x" + proof.slice(2 + 64 * i, 66 + 64 * i)).toString())
    return {
        publics: publics.map((p) => BigInt(p).toString()),
        proof: {
            pi_a: [w[0], w[1], "1"],
            pi_b: [[w[3], w[2]], [w[5], w[4]], ["1", "0"]],
            pi_c: [w[6], w[7], "1"],
            protocol: "groth16",
            curve: "bn128"
        }
    }
})

const times = []
for (let round = 0; round <= Number(rounds); round += 1) {
    const begun = performance.now()
    for (const { proof, publics } of proofs) {
        if (!(await groth16.verify(key, publics, proof))) throw new Error("a committed proof does not verify")
    }
    if (round > 0) times.push((performance.now() - begun) / proofs.length) // the first round compiles
}
console.log(JSON.stringify(times))
process.exit(0) // snarkjs leaves its workers running
