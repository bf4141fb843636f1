# SPDX-License-Identifier: AGPL-3.0-or-later
"""An entity's service: tokens checked, requests relayed, events indexed; never an authority."""
