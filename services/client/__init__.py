"""The `capflow` command and the Python client: what a person or a program asks of Capflow."""
