# SPDX-License-Identifier: AGPL-3.0-or-later
"""What keeps the observer from its work; whatever it finds wrong is in the report instead.

ObserverError
└── MalformedBundle   a file that is no bundle: check `bundle.form`
"""

from protocol.errors import ProtocolError


class ObserverError(ProtocolError):
    """The observer cannot do what it was asked."""


class MalformedBundle(ObserverError):
    """A bundle, or a part of one, that is not in the one form that it may have."""
