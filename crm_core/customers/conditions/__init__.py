"""Which customers are meant, as data: a tree of conditions, checked by field, operator, type and right, then compiled.

Values are only ever bound; what is not known is no value (``ne`` holds for it), and "never" counts as "not since".
"""
