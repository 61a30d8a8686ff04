"""Plant faults into copies of the project and print what caught them.

.venv/bin/python tests/support/mutants.py                             # all of them, as a table; also `make mutants`
.venv/bin/python tests/support/mutants.py --only sound --repeat 10    # is a sound project ever taken for a broken one?
"""

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from tqdm import tqdm

from faults.engine import judge
from faults.tables import MUTANTS


def main():
    """Print a table of the mutants and what caught them; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="mutants whose name starts so")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="try each N times")
    parser.add_argument("-j", type=int, default=2, metavar="N", help="how many at once")
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if mutant.name.startswith(options.only)] * options.repeat
    if not chosen:
        parser.error(f"no mutant {options.only}; there are:\n  " + "\n  ".join(mutant.name for mutant in MUTANTS))
    with ThreadPoolExecutor(options.j) as pool:
        verdicts = list(tqdm(pool.map(try_once, chosen), total=len(chosen), unit="mutant", disable=None))
    print_table([*zip(chosen, verdicts, strict=True)])
    return int(not all(verdict.right for verdict in verdicts))


def try_once(mutant):
    """Return the Verdict on a mutant in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        return judge(mutant, folder)


def print_table(judged):
    """Print each mutant of pairs with its Verdict, and how many are right."""
    width = max(len(mutant.name) for mutant, _ in judged)
    for mutant, verdict in judged:
        result = "WRONG"
        if verdict.right:
            result = "sound" if mutant.says is None else "caught"
        print(f"{mutant.name:{width}}  {result:6}  {verdict.seconds:4.0f} s  {verdict.told[:110]}")
        if not verdict.right:
            print(verdict.text)
    caught = [verdict.right for mutant, verdict in judged if mutant.says is not None]
    passed = [verdict.right for mutant, verdict in judged if mutant.says is None]
    print(f"{sum(caught)} caught of {len(caught)}")
    print(f"{sum(passed)} passed, as they must, of {len(passed)}")


if __name__ == "__main__":
    sys.exit(main())
