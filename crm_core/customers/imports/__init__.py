"""Customers from Excel and CSV: read, cleaned, checked row by row, written in chunks, undone without harm."""
