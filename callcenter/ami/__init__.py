"""The Asterisk Manager Interface: bytes to typed events (pure), and the link that keeps a session with a PBX."""
