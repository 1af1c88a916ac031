"""Customers and how they are reached. Protects: account numbers are unique for ever; a phone is kept as given."""
