"""How a topic exchange compares a binding with a routing key (AMQP 0-9-1, 3.1.3.3)."""

from collections.abc import Sequence


def matches(binding: str, key: str) -> bool:
    """Whether `key` fits `binding`: `*` stands for one word, `#` for any number of them."""
    return _match(binding.split("."), key.split("."))


def _match(binding: Sequence[str], key: Sequence[str]) -> bool:
    if not binding:
        return not key
    if binding[0] == "#":
        return any(_match(binding[1:], key[at:]) for at in range(len(key) + 1))
    return bool(key) and binding[0] in ("*", key[0]) and _match(binding[1:], key[1:])
