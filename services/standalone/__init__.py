"""The four services in one process, and the command that starts any of them."""
