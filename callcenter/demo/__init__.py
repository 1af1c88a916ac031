"""A PBX and a company to try the service with: recorded Asterisk traffic over a real socket, and believable data."""
