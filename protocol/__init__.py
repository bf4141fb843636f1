# SPDX-License-Identifier: AGPL-3.0-or-later
"""The pure core: types, encodings, cryptography, tally, allocation, the event reducer and the checks."""
