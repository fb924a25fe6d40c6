"""An agent whose blocks close at another age: `python -m tests.bench.aged SECONDS`."""

import sys

from services.agent import age
from services.standalone.cli import main

if __name__ == "__main__":
    age.LEAST = age.MOST = float(sys.argv[1])
    sys.argv[1:] = ["agent"]
    main()
