"""From AMI events to calls: a pure fold, no socket, no clock, no database.

It protects one invariant: every customer's contact is exactly one call, with the meanings of the public contract, and
nothing stays in memory after the call is over.
"""
