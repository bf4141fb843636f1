# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the back office refuses.

Problem
├── OwnDraft 403
├── DraftMoved, DraftState, AlreadyUnderWay 409
└── InvalidDraft, NotAWinner 422
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.problems import Problem
from node.errors import FieldFault
from protocol.words import LANGUAGES, advice


class OwnDraft(Problem):
    status, code, title = 403, "own-draft", "Who wrote a draft does not approve it"


class DraftMoved(Problem):
    status, code, title = 409, "draft-moved", "The draft has a newer version"


class DraftState(Problem):
    status, code, title = 409, "draft-state", "The draft is not in the state for this"


class NotAWinner(Problem):
    status, code, title = 422, "not-a-winner", "The option did not win"


class InvalidDraft(Problem):
    """`faults` are all that is wrong: field, code, and in each language what is wrong and what to do."""

    status, code, title = 422, "invalid-draft", "The draft would not be taken"


def invalid_draft(faults: Sequence[FieldFault]) -> InvalidDraft:
    """The problem that says all of them."""
    said = "field is" if len(faults) == 1 else "fields are"
    return InvalidDraft(f"{len(faults)} {said} at fault.", faults=[fault_document(fault) for fault in faults])


def fault_document(fault: FieldFault) -> dict[str, object]:
    """A fault in every language."""
    texts = {language: advice(fault.code, language, fault.parameters) for language in LANGUAGES}
    return {
        "field": fault.path,
        "code": fault.code,
        "wrong": {language: text.wrong for language, text in texts.items()},
        "remedy": {language: text.remedy for language, text in texts.items()},
    }
