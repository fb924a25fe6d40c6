"""What `capflow doctor` looks at, a file for each place to look."""
