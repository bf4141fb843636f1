// SPDX-License-Identifier: AGPL-3.0-or-later
//! What Python sees.

use ark_bn254::{Fr, G1Projective};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{PrimeField, Zero};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rayon::prelude::*;

use crate::encoding::{
    g1, g1_bytes, g1_or_infinity, g2, items, keccak256, scalar, scalar_bytes, scalars, word, Word, G1_BYTES, WORD,
};
use crate::fault::{first_fault, Fault, NativeError, Reason};
use crate::groth16::{decode_inputs, Inputs, Key, Proof, Trapdoor, PROOF_BYTES, PUBLIC_BYTES};
use crate::poseidon::poseidon2 as hash2;
use crate::{babyjub, batch, merkle, prover, sealed, simulate};

type Bytes<'py> = Bound<'py, PyBytes>;

fn identity_secret(secret: &[u8]) -> Result<Fr, Fault> {
    let value = scalar(secret, "identity secret")?;
    babyjub::secret(&value).map(|_| value).ok_or(Fault::new(Reason::ScalarRange, "identity secret"))
}

#[pyfunction]
fn poseidon2<'py>(py: Python<'py>, a: &[u8], b: &[u8]) -> PyResult<Bytes<'py>> {
    let out = hash2(scalar(a, "a")?, scalar(b, "b")?);
    Ok(PyBytes::new(py, &scalar_bytes(&out)))
}

#[pyfunction]
fn identity_public_key<'py>(py: Python<'py>, secret: &[u8]) -> PyResult<Bytes<'py>> {
    let (x, y) = babyjub::public_key(&identity_secret(secret)?.into_bigint());
    Ok(PyBytes::new(py, &[scalar_bytes(&x), scalar_bytes(&y)].concat()))
}

#[pyfunction]
fn identity_commitment<'py>(py: Python<'py>, secret: &[u8]) -> PyResult<Bytes<'py>> {
    let (x, y) = babyjub::public_key(&identity_secret(secret)?.into_bigint());
    Ok(PyBytes::new(py, &scalar_bytes(&hash2(x, y))))
}

#[pyfunction]
fn nullifier<'py>(py: Python<'py>, scope_signal: &[u8], secret: &[u8]) -> PyResult<Bytes<'py>> {
    let out = hash2(scalar(scope_signal, "scope signal")?, identity_secret(secret)?);
    Ok(PyBytes::new(py, &scalar_bytes(&out)))
}

fn leaves(bytes: &[u8]) -> Result<Vec<Fr>, Fault> {
    let leaves = scalars(bytes, "leaf")?;
    match leaves.iter().position(Fr::is_zero) {
        Some(index) => Err(Fault::new(Reason::ZeroLeaf, "leaf").at(index)),
        None => Ok(leaves),
    }
}

fn tree(bytes: &[u8]) -> Result<merkle::Tree, Fault> {
    let mut tree = merkle::Tree::new();
    tree.insert_many(&leaves(bytes)?)?;
    Ok(tree)
}

fn root(tree: &merkle::Tree) -> Result<Word, Fault> {
    tree.root().map(|root| scalar_bytes(&root)).ok_or(Fault::new(Reason::EmptyTree, "root"))
}

fn path<'py>(py: Python<'py>, tree: &merkle::Tree, index: usize) -> PyResult<(Vec<Bytes<'py>>, u64)> {
    let path = tree.path(index)?;
    Ok((path.siblings.iter().map(|s| PyBytes::new(py, &scalar_bytes(s))).collect(), path.index))
}

#[pyfunction]
fn lean_imt_root<'py>(py: Python<'py>, leaves: &[u8]) -> PyResult<Bytes<'py>> {
    let root = py.detach(|| root(&tree(leaves)?))?;
    Ok(PyBytes::new(py, &root))
}

#[pyfunction]
fn lean_imt_proof<'py>(py: Python<'py>, leaves: &[u8], index: usize) -> PyResult<(Vec<Bytes<'py>>, u64)> {
    let tree = py.detach(|| tree(leaves))?;
    path(py, &tree, index)
}

#[pyclass(module = "urna_native")]
struct LeanImt(merkle::Tree);

#[pymethods]
impl LeanImt {
    #[new]
    #[pyo3(signature = (leaves = [].as_slice()))]
    fn new(py: Python<'_>, leaves: &[u8]) -> PyResult<Self> {
        Ok(LeanImt(py.detach(|| tree(leaves))?))
    }

    fn __len__(&self) -> usize {
        self.0.leaves().len()
    }

    fn insert_many(&mut self, py: Python<'_>, leaves: &[u8]) -> PyResult<()> {
        Ok(py.detach(|| self.0.insert_many(&self::leaves(leaves)?))?)
    }

    fn update(&mut self, index: usize, leaf: &[u8]) -> PyResult<()> {
        let leaf = leaves(word(leaf, "leaf")?.as_slice())?[0];
        Ok(self.0.update(index, leaf)?)
    }

    fn leaf<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bytes<'py>> {
        Ok(PyBytes::new(py, &scalar_bytes(&self.0.leaf(index)?)))
    }

    fn leaves<'py>(&self, py: Python<'py>) -> Bytes<'py> {
        let bytes: Vec<u8> = self.0.leaves().iter().flat_map(scalar_bytes).collect();
        PyBytes::new(py, &bytes)
    }

    fn root<'py>(&self, py: Python<'py>) -> PyResult<Bytes<'py>> {
        Ok(PyBytes::new(py, &root(&self.0)?))
    }

    fn proof<'py>(&self, py: Python<'py>, index: usize) -> PyResult<(Vec<Bytes<'py>>, u64)> {
        path(py, &self.0, index)
    }
}

#[pyfunction]
fn check_g1(point: &[u8]) -> PyResult<()> {
    g1(point, "point").map(|_| ()).map_err(PyErr::from)
}

#[pyfunction]
fn check_g2(point: &[u8]) -> PyResult<()> {
    g2(point, "point").map(|_| ()).map_err(PyErr::from)
}

#[pyfunction]
fn check_proof(proof: &[u8]) -> PyResult<()> {
    Proof::decode(proof).map(|_| ()).map_err(PyErr::from)
}

#[pyfunction]
fn check_key(key: &[u8]) -> PyResult<()> {
    Key::decode(key).map(|_| ()).map_err(PyErr::from)
}

#[pyfunction]
fn g1_add<'py>(py: Python<'py>, left: &[u8], right: &[u8]) -> PyResult<Bytes<'py>> {
    let sum = g1_or_infinity(left, "left")?.into_group() + g1_or_infinity(right, "right")?;
    Ok(PyBytes::new(py, &g1_bytes(&sum.into_affine())))
}

#[pyfunction]
fn g1_mul<'py>(py: Python<'py>, point: &[u8], scalar: &[u8]) -> PyResult<Bytes<'py>> {
    let product = g1_or_infinity(point, "point")? * self::scalar(scalar, "scalar")?;
    Ok(PyBytes::new(py, &g1_bytes(&product.into_affine())))
}

#[pyfunction]
fn g1_msm<'py>(py: Python<'py>, points: &[u8], scalars: &[u8]) -> PyResult<Bytes<'py>> {
    let sum = py.detach(|| {
        let scalars = self::scalars(scalars, "scalar")?;
        let points = items(points, G1_BYTES, "points")?;
        if points.len() != scalars.len() {
            return Err(Fault::new(Reason::WrongLength, "scalars"));
        }
        let decode = |(i, p): (usize, &&[u8])| g1_or_infinity(p, "point").map_err(|e| e.at(i));
        let points = first_fault(points.par_iter().enumerate().map(decode).collect())?;
        Ok::<_, Fault>(G1Projective::msm_unchecked(&points, &scalars).into_affine())
    })?;
    Ok(PyBytes::new(py, &g1_bytes(&sum)))
}

fn statements(bytes: &[u8]) -> Result<Vec<Inputs>, Fault> {
    let chunks = items(bytes, PUBLIC_BYTES, "public inputs")?;
    chunks.iter().enumerate().map(|(i, c)| decode_inputs(c).map_err(|e| e.at(i))).collect()
}

#[pyfunction]
fn verify_one(py: Python<'_>, key: &[u8], proof: &[u8], publics: &[u8]) -> PyResult<bool> {
    let out = py.detach(|| Ok::<_, Fault>(Key::decode(key)?.verify(&Proof::decode(proof)?, &decode_inputs(publics)?)));
    Ok(out?)
}

#[pyfunction]
fn verify_batch(
    py: Python<'_>,
    key: &[u8],
    proofs: &[u8],
    publics: &[u8],
    seed: &[u8],
) -> PyResult<Option<Vec<usize>>> {
    let bad = py.detach(|| {
        let inputs = statements(publics)?;
        let chunks = items(proofs, PROOF_BYTES, "proofs")?;
        if chunks.len() != inputs.len() {
            return Err(Fault::new(Reason::WrongLength, "public inputs"));
        }
        let decode = |(i, p): (usize, &&[u8])| Proof::decode(p).map_err(|e| e.at(i));
        let decoded = first_fault(chunks.par_iter().enumerate().map(decode).collect())?;
        // Coefficients hang on everything that is checked, whatever the caller gives as seed.
        let seed =
            keccak256(&[&word(seed, "seed")?, &keccak256(&[key]), &keccak256(&[proofs]), &keccak256(&[publics])]);
        Ok(batch::bad_proofs(&Key::decode(key)?, &decoded, &inputs, &seed))
    })?;
    Ok((!bad.is_empty()).then_some(bad))
}

#[pyfunction]
fn open_batch<'py>(
    py: Python<'py>,
    secret_key: &[u8],
    scope: &[u8],
    records: &[u8],
    words: usize,
) -> PyResult<Bytes<'py>> {
    let plaintexts = py.detach(|| {
        let secret = scalar(secret_key, "secret key")?;
        if secret.is_zero() {
            return Err(Fault::new(Reason::ScalarRange, "secret key"));
        }
        let size = words.checked_mul(WORD).and_then(|n| n.checked_add(sealed::HEADER));
        let size = size.ok_or(Fault::new(Reason::WrongLength, "records"))?;
        sealed::open(&secret, &word(scope, "scope")?, &items(records, size, "records")?)
    })?;
    Ok(PyBytes::new(py, &plaintexts))
}

#[pyfunction]
fn make_trapdoor_key<'py>(py: Python<'py>, seed: &[u8]) -> PyResult<(Bytes<'py>, Bytes<'py>)> {
    let trapdoor = Trapdoor::from_seed(&word(seed, "seed")?);
    Ok((PyBytes::new(py, &trapdoor.key()), PyBytes::new(py, &trapdoor.encode())))
}

#[pyfunction]
fn simulate_proofs<'py>(py: Python<'py>, trapdoor: &[u8], publics: &[u8], seed: &[u8]) -> PyResult<Bytes<'py>> {
    let proofs =
        py.detach(|| simulate::simulate(&Trapdoor::decode(trapdoor)?, &statements(publics)?, &word(seed, "seed")?))?;
    Ok(PyBytes::new(py, &proofs))
}

#[pyclass(module = "urna_native", frozen)]
struct ProvingKey(prover::ProvingKey);

#[pymethods]
impl ProvingKey {
    #[new]
    fn new(py: Python<'_>, zkey: &[u8]) -> PyResult<Self> {
        Ok(ProvingKey(py.detach(|| prover::ProvingKey::read(zkey))?))
    }

    #[getter]
    fn signals(&self) -> usize {
        self.0.signals()
    }

    #[getter]
    fn publics(&self) -> usize {
        self.0.publics()
    }

    /// `witness`: little-endian words as the circuit's calculator gives them; `blinding`: two scalars.
    fn prove<'py>(&self, py: Python<'py>, witness: &[u8], blinding: &[u8]) -> PyResult<Bytes<'py>> {
        let proof = py.detach(|| {
            let little = items(witness, WORD, "witness")?;
            let big: Vec<u8> = little.iter().flat_map(|w| w.iter().rev().copied()).collect();
            let [r, s] = scalars(blinding, "blinding")?[..] else {
                return Err(Fault::new(Reason::WrongLength, "blinding"));
            };
            self.0.prove(&scalars(&big, "witness")?, r, s)
        })?;
        let mut out = Vec::with_capacity(PROOF_BYTES);
        proof.encode(&mut out);
        Ok(PyBytes::new(py, &out))
    }
}

#[pymodule]
fn urna_native(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("NativeError", m.py().get_type::<NativeError>())?;
    m.add_class::<LeanImt>()?;
    m.add_class::<ProvingKey>()?;
    for function in [
        wrap_pyfunction!(poseidon2, m)?,
        wrap_pyfunction!(identity_public_key, m)?,
        wrap_pyfunction!(identity_commitment, m)?,
        wrap_pyfunction!(nullifier, m)?,
        wrap_pyfunction!(lean_imt_root, m)?,
        wrap_pyfunction!(lean_imt_proof, m)?,
        wrap_pyfunction!(check_g1, m)?,
        wrap_pyfunction!(check_g2, m)?,
        wrap_pyfunction!(check_proof, m)?,
        wrap_pyfunction!(check_key, m)?,
        wrap_pyfunction!(g1_add, m)?,
        wrap_pyfunction!(g1_mul, m)?,
        wrap_pyfunction!(g1_msm, m)?,
        wrap_pyfunction!(verify_one, m)?,
        wrap_pyfunction!(verify_batch, m)?,
        wrap_pyfunction!(open_batch, m)?,
        wrap_pyfunction!(make_trapdoor_key, m)?,
        wrap_pyfunction!(simulate_proofs, m)?,
    ] {
        m.add_function(function)?;
    }
    Ok(())
}
