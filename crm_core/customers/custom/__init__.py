"""Own fields: what an admin adds to records beside the built-in ones."""
