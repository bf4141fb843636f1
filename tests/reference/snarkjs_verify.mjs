// SPDX-License-Identifier: AGPL-3.0-or-later
// Reads [{proof, publics}] (hex) from stdin, writes what snarkjs says to each under the ceremony's key of depth 20.

import { readFileSync } from "node:fs"
import { groth16 } from "snarkjs"

const path = new URL("../../node_modules/@zk-kit/semaphore-artifacts/semaphore-20.json", import.meta.url)
const key = JSON.parse(readFileSync(path, "utf8"))
const decimals = (hex) => hex.match(/.{64}/g).map((word) => BigInt(`0x${word}`).toString())

const verdicts = []
for (const { proof, publics } of JSON.parse(readFileSync(0, "utf8"))) {
    const [ax, ay, bx1, bx0, by1, by0, cx, cy] = decimals(proof)
    const parsed = {
        protocol: "groth16",
        curve: "bn128",
        pi_a: [ax, ay, "1"],
        pi_b: [[bx0, bx1], [by0, by1], ["1", "0"]],
        pi_c: [cx, cy, "1"]
    }
    verdicts.push(await groth16.verify(key, decimals(publics), parsed))
}
console.log(JSON.stringify(verdicts))
process.exit(0) // snarkjs leaves its workers running
