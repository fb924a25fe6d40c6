"""The gateway: REST in front, commands on the bus behind."""
