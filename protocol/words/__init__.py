# SPDX-License-Identifier: AGPL-3.0-or-later
"""What rules mean, in Portuguese and English: each clause with its consequence, each fault with what to do about it.

`preview` is pure: the same rules give the same words, whoever asks. Texts lie in `english` and `portuguese`, under the
same keys with the same parameters; a test holds them together and goes through every kind, ballot type and rule.
"""

from protocol.words.clauses import Clause, preview
from protocol.words.faults import Advice, advice, field_of
from protocol.words.language import LANGUAGES, Language

__all__ = ["LANGUAGES", "Advice", "Clause", "Language", "advice", "field_of", "preview"]
