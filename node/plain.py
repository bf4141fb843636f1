# SPDX-License-Identifier: AGPL-3.0-or-later
"""Answers of other people's servers are asked for as they are, uncompressed.

httpx inflates whatever comes compressed, layer upon layer, before anybody can count it: some hundred bytes become
gigabytes. A bound on the bytes of an answer holds only where it is not compressed, so such an answer is refused.
"""

from __future__ import annotations

import httpx

#: What every question says.
AS_IT_IS = {"Accept-Encoding": "identity"}


def is_compressed(response: httpx.Response) -> bool:
    """Whether reading it would inflate it."""
    return response.headers.get("content-encoding", "").strip().lower() not in ("", "identity")
