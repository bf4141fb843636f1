// SPDX-License-Identifier: AGPL-3.0-or-later
// Writes tests/vectors/electorate.json: roots and paths of zk-kit's JavaScript LeanIMT, for Electorate.t.sol.
// Run from the repository's root: node tests/contracts/vectors.mjs
import { writeFileSync } from "node:fs";
import { LeanIMT } from "@zk-kit/lean-imt";
import { poseidon2 } from "poseidon-lite";

const FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
const hex = (value) => "0x" + value.toString(16).padStart(64, "0");
const leaf = (number) => poseidon2([BigInt(number), 7n]) % FIELD;

const tree = new LeanIMT((a, b) => poseidon2([a, b]));
const sizes = [1, 1, 2, 3, 1, 7, 1, 16, 33, 4];
const commitments = [];
const roots = [];
for (const size of sizes) {
  const batch = Array.from({ length: size }, (_, i) => leaf(commitments.length + i));
  commitments.push(...batch);
  tree.insertMany(batch);
  roots.push(hex(tree.root));
}
// First, last, neighbours, ends of subtrees, and one leaf twice.
const updates = [0, 68, 67, 1, 63, 64, 31, 32, 0, 66].map((index, i) => {
  const siblings = tree.generateProof(index).siblings.map(hex);
  const next = leaf(1000 + i);
  tree.update(index, next);
  return { index, commitment: hex(next), siblings, root: hex(tree.root) };
});
const vectors = { commitments: commitments.map(hex), sizes, roots, updates };
writeFileSync("tests/vectors/electorate.json", JSON.stringify(vectors, null, 1) + "\n");
