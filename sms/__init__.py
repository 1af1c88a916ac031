"""The SMS machinery beside the pages: which accounts there are now; rules, sender and providers build on it."""
