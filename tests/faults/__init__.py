"""Faults injected on purpose into whole stacks, and what must hold all the same."""
