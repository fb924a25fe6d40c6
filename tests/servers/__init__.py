"""Real servers for tests: given by address, in Docker, or private child processes."""
