"""What every context shares: clock, ids, errors, domain events, phone numbers. Imports nothing of ours."""
