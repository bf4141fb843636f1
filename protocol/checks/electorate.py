# SPDX-License-Identifier: AGPL-3.0-or-later
"""Check `electorate.root`: every root that an event names is that of the leaves."""

from __future__ import annotations

from protocol.checks.model import refuse
from protocol.electorate import ElectorateTree
from protocol.state import InitiativeState

_CHECK = "electorate.root"


def roots(initiative: InitiativeState) -> str:
    """Grows the tree as the events say and compares each root. Raises CheckFailed."""
    tree = ElectorateTree()
    for claim in initiative.electorate.roots:
        if claim.index == len(tree):
            tree.append(claim.leaves)
        else:
            for place, leaf in enumerate(claim.leaves, start=claim.index):
                tree.replace(place, leaf)
        root = tree.root() if len(tree) else 0
        if root != claim.root:
            refuse(_CHECK, claim.meta, f"the root is {root:#066x}, not {claim.root:#066x}")
    return f"initiative {initiative.id}: {len(initiative.electorate.roots)} roots, {len(tree)} leaves"
