"""The agent: captures what is wanted of its host, and stores it."""
