# SPDX-License-Identifier: AGPL-3.0-or-later
"""Live updates: each block as it is read, with the initiatives that changed in it."""
