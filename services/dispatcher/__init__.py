"""The dispatcher: turns commands into tasks, and tasks into what agents are wanted to do."""
