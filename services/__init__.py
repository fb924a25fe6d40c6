"""Capflow's services, and what they are built of."""
