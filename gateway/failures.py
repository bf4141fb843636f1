# SPDX-License-Identifier: AGPL-3.0-or-later
"""Why something that was accepted failed later: kept in the journal, told as the problem that it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import sqlalchemy as sa

from gateway.problems import NotLanded, Problem, ProblemDocument, RefusedByContract
from node.errors import ContractError

#: Contracts' custom errors that say what a problem says as well; any other is `refused-by-contract`.
CODES = {
    "CommitmentUsed": "known-commitment",
    "InvalidChannel": "malformed-ballot",
    "InvalidCommitment": "invalid-commitment",
    "InvalidEntryPoint": "malformed-ballot",
    "InvalidProof": "invalid-proof",
    "NullifierOutOfRange": "ballot-out-of-range",
    "TooManyProposals": "too-many-proposals",
    "TooManyReplacements": "too-many-replacements",
    "UnknownTag": "unknown-person",
    "WrongLength": "malformed-ballot",
    "WrongPhase": "wrong-phase",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """`code` is a problem's, `reason` one sentence without a person's values, `error` the contract's custom error."""

    code: str
    reason: str
    error: str | None = None

    @classmethod
    def of(cls, cause: Problem | ContractError) -> Failure:
        """Of a refusal, here or by a contract; its arguments stay out, since they may be a person's."""
        if isinstance(cause, Problem):
            return cls(cause.code, cause.detail)
        code = CODES.get(cause.name, RefusedByContract.code)
        return cls(code, f"The contract refused it: {_words(cause.name)}.", cause.name)

    @classmethod
    def from_row(cls, row: sa.Row[tuple[object, ...]]) -> Failure | None:
        """From the columns `code`, `reason`, `error`."""
        return None if row.code is None else cls(row.code, row.reason or "", row.error)

    def columns(self) -> dict[str, str | None]:
        return {"code": self.code, "reason": self.reason, "error": self.error}

    def document(self) -> ProblemDocument:
        """RFC 9457, with the status that a refusal at the door has; `error` where a contract gave it."""
        kind = _problems().get(self.code, NotLanded)
        found = kind(self.reason) if self.error is None else kind(self.reason, error=self.error)
        return ProblemDocument.model_validate({**found.document(), "code": self.code})


#: The columns of what has not failed.
NONE: dict[str, str | None] = {"code": None, "reason": None, "error": None}


def _words(name: str) -> str:
    """`WrongPhase` as "wrong phase"."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


@cache
def _problems() -> dict[str, type[Problem]]:
    return {kind.code: kind for kind in _kinds(Problem)}


def _kinds(kind: type[Problem]) -> Iterator[type[Problem]]:
    for each in kind.__subclasses__():
        yield from _kinds(each)
        yield each
