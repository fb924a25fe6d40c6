"""Feed every target: `python -m tests.fuzz`; COUNT= inputs each (a million), SEED= to repeat."""

import os
import sys
import time
from random import SystemRandom

from tests.fuzz.feeding import feed
from tests.fuzz.mutation import inputs
from tests.fuzz.targets import TARGETS

_COUNT = 1_000_000


def main() -> int:
    """Feed; the exit status tells whether nothing did harm."""
    count = int(os.environ.get("COUNT") or _COUNT)
    seed = int(os.environ.get("SEED") or SystemRandom().getrandbits(32))
    print(f"SEED={seed} COUNT={count}")
    harm: list[str] = []
    for target in TARGETS:
        begun = time.monotonic()
        found = feed(target, inputs(target.good(), seed, count))
        took = time.monotonic() - begun
        print(f"{target.name}: {count:,} inputs, {len(found)} did harm, {took:.0f} s", flush=True)
        harm += found
    print(*harm[:20], sep="\n")
    return 1 if harm else 0


if __name__ == "__main__":
    sys.exit(main())
