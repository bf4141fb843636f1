# SPDX-License-Identifier: AGPL-3.0-or-later
"""The observer: replays a chain or a bundle and verifies all of it, believing no server and no operator.

Imports `node.rpc` and `protocol` alone; the compiled source is handed in. docs/protocol/verification.md says what is
checked, precisely enough to write another one.
"""

from node.blocks import RawBlock
from node.observer.bundle import Bundle, load, read
from node.observer.deployment import DeploymentFacts, Linked, PublishedContract, PublishedSource
from node.observer.errors import MalformedBundle, ObserverError
from node.observer.export import Exported, export
from node.observer.live import LiveSource
from node.observer.observe import Progress, observe, refused
from node.observer.report import Report
from node.observer.source import Head, Source

__all__ = [
    "Bundle",
    "DeploymentFacts",
    "Exported",
    "Head",
    "Linked",
    "LiveSource",
    "MalformedBundle",
    "ObserverError",
    "Progress",
    "PublishedContract",
    "PublishedSource",
    "RawBlock",
    "Report",
    "Source",
    "export",
    "load",
    "observe",
    "read",
    "refused",
]
