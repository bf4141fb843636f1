// SPDX-License-Identifier: AGPL-3.0-or-later
// The root over the leaves on stdin (hex, one a line) by the JavaScript library; prints it with the seconds taken.

import { readFileSync } from "fs"
import { LeanIMT } from "@zk-kit/lean-imt"
import { poseidon2 } from "poseidon-lite"

const leaves = readFileSync(0, "utf8").trim().split("\n").map((leaf) => BigInt("0x" + leaf))
const begun = performance.now()
const tree = new LeanIMT((a, b) => poseidon2([a, b]), leaves)
const seconds = (performance.now() - begun) / 1000
console.log(JSON.stringify({ root: tree.root.toString(16).padStart(64, "0"), seconds }))
