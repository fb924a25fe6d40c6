"""Which addresses may be answered."""

from contracts.topology import PREFIX

DIRECT_REPLY_TO = "amq.rabbitmq.reply-to"
MAX_NAME_BYTES = 255


def check_reply_to(address: str) -> None:
    """Refuse an address that is one of our own or the broker's names, or is none at all.

    Otherwise whoever may send a command could make the dispatcher write to its own queues.
    """
    if not address or len(address.encode()) > MAX_NAME_BYTES:
        raise ValueError("reply_to must be 1 to 255 bytes long")
    if address == PREFIX or address.startswith(f"{PREFIX}."):
        raise ValueError(f"reply_to {address!a} is a name of our own: name a queue of yours")
    if address.startswith("amq.") and not address.startswith(f"{DIRECT_REPLY_TO}."):
        raise ValueError(f"reply_to {address!a} belongs to the broker: name a queue of yours")
