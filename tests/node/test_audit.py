# SPDX-License-Identifier: AGPL-3.0-or-later
"""scripts/audit: what counts as compatible, and that nothing which was not looked at passes."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "audit"


@pytest.fixture(scope="module")
def audit() -> Any:
    loader = importlib.machinery.SourceFileLoader("audit_script", str(SCRIPT))
    spec = importlib.util.spec_from_loader("audit_script", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit_script"] = module
    loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("expression", "good"),
    [
        ("MIT", True),
        ("MIT OR Apache-2.0", True),
        ("Proprietary OR MIT", True),
        ("Proprietary AND MIT", False),
        ("(MIT OR Proprietary) AND Unicode-3.0", True),
        ("MIT AND (Proprietary OR SSPL-1.0)", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("SSPL-1.0", False),
        ("GPL-2.0-only", False),
        ("CC-BY-NC-4.0", False),
        ("", False),
        ("UNLICENSED", False),
        ("MIT MIT", False),
    ],
)
def test_an_expression_is_read_as_SPDX_means_it(audit: Any, expression: str, good: bool) -> None:
    assert audit.is_compatible(expression) is good


def test_what_an_auditor_does_not_know_is_not_passed(audit: Any) -> None:
    unknown = {"name": "click", "skip_reason": "Dependency not found on PyPI"}
    fine = {"name": "click", "version": "8.2", "vulns": []}
    bad = {"name": "click", "version": "8.2", "vulns": [{"id": "PYSEC-2026-1"}]}
    assert audit.judge_pip([fine]).outcome == "passed"
    assert audit.judge_pip([fine, unknown]).outcome == "not run"
    assert audit.judge_pip([]).outcome == "not run"
    assert audit.judge_pip([unknown, bad]).outcome == "FAILED"
    assert "PYSEC-2026-1" in audit.judge_pip([bad]).detail


def test_all_that_is_locked_has_a_hash_and_may_go_along(audit: Any) -> None:
    found = {one.name: one.outcome for one in [*audit.locks(), *audit.licences()]}
    assert len(found) == 6
    assert set(found.values()) == {"passed"}, found
