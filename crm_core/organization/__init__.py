"""Centres, departments, users and what each may see and do; every right is decided here and nowhere else."""
