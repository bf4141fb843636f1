# SPDX-License-Identifier: AGPL-3.0-or-later
"""Other members' endpoints. They stand on the chain, where each entity writes its own: whoever has its key can write
anything, and all others would ask there, with citizens' tokens."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from node.oidc.fetch import is_secure


def may_be_asked(endpoint: str, own: str) -> bool:
    """Whether a member with the endpoint `own` asks there: over https, at an address to which a path can be added, and
    not on this machine, but where the member itself is only for this machine."""
    if not endpoint.isascii() or not endpoint.isprintable() or set(endpoint) & set("?#@\\ ") or not is_secure(endpoint):
        return False
    return not _is_here(endpoint) or _is_here(own)


def _is_here(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_link_local or address.is_unspecified
