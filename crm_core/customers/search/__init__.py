"""Finding customers: the quick search, lists with filters, saved views, and what is done with many at once.

Protects: what a search finds is what a plain look at every customer in reach would find, whatever the size of the
base; and nobody learns by searching what he may not see.
"""
