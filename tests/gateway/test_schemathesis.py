# SPDX-License-Identifier: AGPL-3.0-or-later
"""The interface held against its own description by Schemathesis: a real gateway, generated requests, good and bad."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from gateway.observed import STREAM
from gateway.openapi import REFUSALS
from tests.gateway.consortium import Consortium

EXAMPLES = 8
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.missing_required_header,
    checks.unsupported_method,
]


SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_the_interface_is_as_it_describes_itself(consortium: Consortium, mode: GenerationMode) -> None:
    """Good and bad requests of every operation; all that is found is told at once."""
    consortium.initiative()  # so that more than `unknown-initiative` is met
    schema = schemathesis.openapi.from_url(f"{consortium.served['A'].url}/openapi.json")
    # A long address or body that is wrong may be refused for its length.
    schema.config.checks.negative_data_rejection.expected_statuses += ["413", "414"]
    wrong = {}
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]  # an invalid schema raises here
        if operation.path == STREAM or (mode is GenerationMode.NEGATIVE and not takes_anything(operation)):
            continue

        @SETTINGS
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            case.call_and_validate(checks=CHECKS)

        try:
            ask()
        except (FailureGroup, Failure) as failure:
            wrong[operation.label] = str(failure)
        except hypothesis.errors.Unsatisfiable:
            continue  # nothing about it can be wrong
    assert wrong == {}, "\n\n".join(f"{label}: {what}" for label, what in wrong.items())


def takes_anything(operation: Any) -> bool:
    return bool(operation.body) or any(True for _ in operation.iter_parameters())


def test_every_refusal_listed_is_an_operations(consortium: Consortium) -> None:
    paths = consortium.clients["A"].get("/openapi.json").json()["paths"]
    assert {(method, path) for method, path in REFUSALS if method not in paths.get(path, {})} == set()
    undescribed = {
        (method, path)
        for path, operations in paths.items()
        for method in operations
        if (method, path) not in REFUSALS and path.startswith(("/v1/initiatives", "/health", "/members/cosign"))
    }
    assert undescribed == set()
