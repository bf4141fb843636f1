# SPDX-License-Identifier: AGPL-3.0-or-later
"""The root of this package's exceptions."""


class ProtocolError(Exception):
    """Something that came from outside breaks a rule of the protocol. Every error of this package is one."""
