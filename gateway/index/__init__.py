# SPDX-License-Identifier: AGPL-3.0-or-later
"""The index: a cache of the chain, folded by the shared reducer. It may be deleted at any time."""
