"""What keeps customers' data with the house: exports, reveals, reads on record, consent, a person's rights.

Nothing leaves in bulk without a reason, a name on it and, above a number of rows, a second person.
"""
