"""The `capflow` command and the Python client."""
