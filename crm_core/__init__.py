"""Every table, rule, query and domain event of the product; knows nothing of HTTP, websockets or the PBX."""
