"""Bounds that both adapters keep."""

MAX_MESSAGE_BYTES = 1 << 20
"""A larger message goes to the dead letters undecoded."""
DELIVERY_LIMIT = 20
"""How often a message is delivered before it counts as poison."""
PUBLISH_SECONDS = 4.0
"""How long a publish may take, a reconnect on the way included."""
