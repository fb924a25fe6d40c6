"""The process that dissects packets: `python -m services.gateway.dissection.child`.

It reads bytes from whoever sent packets past an agent, with a dissector that was not made for
that. So what it can do is bounded: memory, time, no file and no socket, and it ends with its
parent. A line of JSON in, a line of JSON out:

    {"data": base64, "linktype"}   →   {"layers": […], "note": text or null}

The first line out is {"ready": true}.
"""

import json
import os
import resource
import signal
import sys
from base64 import b64decode
from typing import IO, Any

from services.gateway.dissection.anatomy import taken_apart
from services.gateway.dissection.linklayers import dissected, warm_up

MEMORY = 256 << 20
"""Bytes of address space; Scapy and its layers take a quarter of it."""
SECONDS = 10
"""What the parent has long given up on ends by itself, should the parent be gone."""
_NO_LAYERS = "Scapy could not take this packet apart"


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """The layers of one packet, or why there are none."""
    data = b64decode(question["data"])
    try:
        layers, note = taken_apart(dissected(data, question["linktype"]), data)
    except MemoryError:
        raise  # what is left of this process is worth nothing
    except Exception as error:
        return {"layers": [], "note": f"{_NO_LAYERS}: {type(error).__name__}"}
    return {"layers": layers, "note": note}


def main() -> None:
    """Answer until the parent closes the pipe."""
    out = _own_output()
    warm_up()
    _confine()
    _say(out, {"ready": True})
    for line in sys.stdin.buffer:
        signal.alarm(SECONDS)
        _say(out, answer(json.loads(line)))
        signal.alarm(0)


def _own_output() -> IO[bytes]:
    """The pipe to the parent; what anybody else prints goes to standard error."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return out


def _confine() -> None:
    """From now on: so much memory, and no file or socket more than there are."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def _say(out: IO[bytes], line: dict[str, Any]) -> None:
    out.write(json.dumps(line).encode() + b"\n")
    out.flush()


if __name__ == "__main__":
    main()
