"""Who did what, when, from where, old and new. Append-only and hash-chained: a changed or missing line is found."""
