"""Planted faults at which a kernel fails: in the first cell, so that nothing else has to run."""

from .engine import Mutant
from .planting import in_cell

MUTANTS = [
    Mutant(
        "bad magic",
        in_cell("parameters", "import os\n", "import os\n%no_such_magic\n"),
        "raised UsageError: Line magic",
    ),
    Mutant(
        "killed kernel",
        in_cell("parameters", "import os\n", "import os\nos.kill(os.getpid(), 9)\n"),
        "killed by signal 9: out of memory",
    ),
    Mutant(
        "hung cell",
        in_cell("parameters", "import os\n", "import os\nwhile True: pass\n", nbval={"timeout": 2}),
        "ran longer than its limit of 2 s",
    ),
    Mutant(
        "noise on standard error",
        in_cell("parameters", "import os\n", "import os\nos.system('echo noise >&2; sleep 1')\n"),
        "but the cell shows.*stderr: noise",
    ),
    Mutant(
        "raises-exception without one",
        in_cell("parameters", "import os\n", "import os\n", tags=["parameters", "raises-exception"]),
        "is tagged raises-exception and raised nothing",
    ),
]
