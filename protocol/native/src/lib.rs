// SPDX-License-Identifier: AGPL-3.0-or-later
//! The heavy arithmetic of `protocol/`, for Python. Types and contracts are in `urna_native.pyi`.
//!
//! Each function validates all that it is given and raises `NativeError`; the work runs without the interpreter's lock.

mod babyjub;
mod batch;
mod encoding;
mod fault;
mod groth16;
mod merkle;
mod poseidon;
mod prover;
mod python;
mod sealed;
mod simulate;
