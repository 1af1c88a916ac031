"""Who looks after which customer: fair allocation through the data department, transfers, quotas, pool and reclaim.

No customer is ever given to two people at once, nobody gets more than his cap or quota, and every move is on record.
"""
