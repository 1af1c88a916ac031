"""Registrations on their way into the base: sheets in order of hand-in, the same day's clock, numbers to verify.

The oldest waiting sheet is given to one clerk at a time and stays his until his lease runs out.
"""
