"""Endpoints: where packets and the records of captures are kept."""
