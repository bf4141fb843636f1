# SPDX-License-Identifier: AGPL-3.0-or-later
"""The back office: what an entity's officers do, each within the roles that the entity gave, and each on record.

drafts       an initiative's rules, written by one officer and approved by another before they are published
acts         everything that goes to the chain in the entity's name, through one durable queue per account
moderation   decisions on proposals: accept, reject, cost
reports      what became of the winners
"""
