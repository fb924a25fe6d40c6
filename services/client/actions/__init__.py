"""What each command of the client does; imported when it is called."""
