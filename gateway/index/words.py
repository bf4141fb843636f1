# SPDX-License-Identifier: AGPL-3.0-or-later
"""Words of titles as they are searched: without case, accents and marks, so that *orcamento* finds *Orçamento*."""

from __future__ import annotations

import re
import unicodedata

MAX_WORDS = 64
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """The different words, folded, sorted; at most 64."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return sorted({word.replace("\0", "") for word in _WORD.findall(bare)})[:MAX_WORDS]
