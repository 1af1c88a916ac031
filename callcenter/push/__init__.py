"""Live messages to browsers: topics published without waiting, sessions that can be resumed, the gateway."""
