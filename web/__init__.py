"""Pages and JSON API: rendered on the server, no build step, no knowledge of the telephone system."""
