"""The figures of the README, each measured together with its floor or peer in the same run: ``python -m bench [NAME]``.

One module a figure; loopback only; nothing here is a test, and no test asserts a time.
"""
