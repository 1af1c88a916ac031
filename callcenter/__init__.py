"""The service: command line, wiring, the PBX links, live calls and the push gateway."""
