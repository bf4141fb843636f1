# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts: from an officer's order to a final transaction, signed with the entity's own account."""
