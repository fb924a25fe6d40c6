"""Broken input by the million, for what reads bytes of strangers."""
