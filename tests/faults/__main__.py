"""Run faults at full length: `python -m tests.faults [NUMBER,…]`; SEED=… repeats a run."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.faults import table
from tests.faults.fault import Fault
from tests.faults.ground import Ground, Result
from tests.faults.registry import FAULTS
from tests.support.servers import Servers

FOLDER = Path("build/faults")
"""Where the JSON goes."""
MIX = ("32",)
"""What SOAK=… alone runs."""


def main(numbers: Sequence[str]) -> int:
    """Run the faults named, or all; the exit status tells whether everything held."""
    if unknown := [number for number in numbers if number not in FAULTS]:
        print(f"there is no fault {', '.join(unknown)}; there are {', '.join(FAULTS)}")
        return 2
    if os.geteuid():
        print("faults need packets and network namespaces: run them as root")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that all is cleared away
    seed = int(os.environ.get("SEED") or int.from_bytes(os.urandom(4)))
    chosen = [FAULTS[number] for number in numbers or (MIX if os.environ.get("SOAK") else FAULTS)]
    print(f"SEED={seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="capflow-faults-") as folder, Servers() as servers:
        written = FOLDER / f"{'-'.join(numbers) or 'all'}.json"
        results = asyncio.run(_run(chosen, seed, Ground(servers, Path(folder), full=True), written))
    table.show(results)
    return 0 if all(result.held for result in results) else 1


async def _run(faults: Sequence[Fault], seed: int, ground: Ground, written: Path) -> list[Result]:
    """Run faults; after each, all results so far are written down."""
    results: list[Result] = []
    async with ground:
        for fault in faults:
            result = await ground.run(fault, seed)
            word = "held" if result.held else "void" if result.void else "BROKE"
            print(f"{fault.number}: {fault.title}: {word} ({result.seconds:.0f} s)", flush=True)
            if not result.held:
                print(result.complaints(), flush=True)
            results.append(result)
            table.write(results, written)
    return results


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].replace(",", " ").split() if sys.argv[1:] else []))
