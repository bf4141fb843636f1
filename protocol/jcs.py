# SPDX-License-Identifier: AGPL-3.0-or-later
"""Canonical JSON (RFC 8785): one document, one sequence of bytes."""

import rfc8785

from protocol.errors import ProtocolError


class JsonError(ProtocolError):
    """A value that canonical JSON does not know: an integer beyond 2⁵³, a NaN, a lone surrogate, another type."""


def canonical(document: object) -> bytes:
    """The document's canonical UTF-8.

    Raises:
        JsonError: it has none.
    """
    try:
        return rfc8785.dumps(document)  # type: ignore[arg-type]  # it checks the kinds itself
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise JsonError(str(error)) from None
