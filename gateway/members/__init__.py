# SPDX-License-Identifier: AGPL-3.0-or-later
"""This entity as a registrar, and its talk with the other members."""
