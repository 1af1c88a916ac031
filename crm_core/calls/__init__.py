"""Calls, legs and recordings as they truly were. Protects: one customer contact is one call, closed exactly once."""
