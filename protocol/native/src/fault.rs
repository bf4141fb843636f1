// SPDX-License-Identifier: AGPL-3.0-or-later
//! The one way in which input is refused: a stable reason, what was being read, and its index.

use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::PyErr;

create_exception!(
    urna_native,
    NativeError,
    PyValueError,
    "Input refused. args = (reason, what, index): a stable code, the thing read, its place or None."
);

/// Stable codes; `protocol.bn254` maps each to a typed error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    WrongLength,
    CoordinateRange,
    OffCurve,
    Infinity,
    OutsideSubgroup,
    ScalarRange,
    ZeroLeaf,
    IndexRange,
    EmptyTree,
    FullTree,
    BadKeyFile,
}

impl Reason {
    pub fn code(self) -> &'static str {
        match self {
            Reason::WrongLength => "wrong-length",
            Reason::CoordinateRange => "coordinate-range",
            Reason::OffCurve => "off-curve",
            Reason::Infinity => "infinity",
            Reason::OutsideSubgroup => "outside-subgroup",
            Reason::ScalarRange => "scalar-range",
            Reason::ZeroLeaf => "zero-leaf",
            Reason::IndexRange => "index-range",
            Reason::EmptyTree => "empty-tree",
            Reason::FullTree => "full-tree",
            Reason::BadKeyFile => "bad-key-file",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub reason: Reason,
    pub what: &'static str,
    pub index: Option<usize>,
}

impl Fault {
    pub fn new(reason: Reason, what: &'static str) -> Self {
        Fault { reason, what, index: None }
    }

    pub fn at(self, index: usize) -> Self {
        Fault { index: Some(index), ..self }
    }
}

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> PyErr {
        NativeError::new_err((fault.reason.code(), fault.what, fault.index))
    }
}

/// The fault with the lowest index wins, whatever order the threads finished in.
pub fn first_fault<T>(items: Vec<Result<T, Fault>>) -> Result<Vec<T>, Fault> {
    items.into_iter().collect()
}
