// SPDX-License-Identifier: AGPL-3.0-or-later
// Words as lower-case hex with 0x, and where the vectors lie.

import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import sha3 from "js-sha3"

const root = new URL("../../", import.meta.url)

export const FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583n
export const ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617n

export const hex = (value, bytes = 32) => BigInt(value).toString(16).padStart(2 * bytes, "0")
export const word = (value) => "0x" + hex(value)
export const bytes = (text) => Uint8Array.from(Buffer.from(text.replace(/^0x/, ""), "hex"))
export const keccak = (data) => "0x" + sha3.keccak256(typeof data === "string" ? bytes(data) : data)
export const signal = (word32) => BigInt(keccak(word32)) >> 8n
export const domain = (name) => "0x" + sha3.keccak256(name)

/** A field element that looks random and that everyone can make again: keccak of the label and a number. */
export const sample = (label, i) => BigInt(keccak(new TextEncoder().encode(`${label}/${i}`))) % ORDER

export const file = (path) => fileURLToPath(new URL(path, root))
export const artefact = (depth, ending) => file(`node_modules/@zk-kit/semaphore-artifacts/semaphore-${depth}.${ending}`)
export const readJson = (path) => JSON.parse(readFileSync(path, "utf8"))

export function write(name, about, content) {
    const text = JSON.stringify({ about, ...content }, null, 1) + "\n"
    writeFileSync(file(`tests/vectors/${name}.json`), text)
    console.log(`${name}.json: ${text.length} bytes`)
}
