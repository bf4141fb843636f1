# SPDX-License-Identifier: AGPL-3.0-or-later
"""Blocks and whether they hold together, from their bytes: what the observer and the gateway's index both go by.

Nothing here keeps a state or asks a chain's contracts; a block is judged by its own header, and by no server's word.
"""

from node.blocks.block import NO_UNCLES, RawBlock, VerifiedBlock, verify_block
from node.blocks.codec import CodecError, Header, RawLog, RawReceipt, SignedTransaction
from node.blocks.fetch import FetchedBlock, fetch, fetch_header

__all__ = [
    "NO_UNCLES",
    "CodecError",
    "FetchedBlock",
    "Header",
    "RawBlock",
    "RawLog",
    "RawReceipt",
    "SignedTransaction",
    "VerifiedBlock",
    "fetch",
    "fetch_header",
    "verify_block",
]
