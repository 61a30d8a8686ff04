#!/usr/bin/env python3
"""Download photographs and weights: resumed, verified, unpacked, and nothing twice.

    .venv/bin/python scripts/download_data.py --list
    .venv/bin/python scripts/download_data.py --profile photos
    .venv/bin/python scripts/download_data.py oxford-pets dogs-vs-cats
    .venv/bin/python scripts/download_data.py oxford-pets --mirror https://example.org/course/data
    .venv/bin/python scripts/download_data.py --verify

A registry (data/registry.toml) describes the sets. A file is tried at the mirrors, then at the registry's
URLs, until one of them delivers what its checksum promises; then it is put into DEST/FOLDER/, the folder of its set,
and, if it is an archive, unpacked there.

Exit status: 0, all is there; 1, something is missing or wrong; 2, the command or the registry makes no sense;
130, interrupted.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from textwrap import indent

from machinery.downloads.providing import count_missing, estimate_space, inspect, provide
from machinery.downloads.registry import DataSet, File, RegistryError, load_registry
from machinery.downloads.reporting import DataError, explain, format_bytes, say
from machinery.downloads.sources import parse_source
from machinery.downloads.space import check_space

DATA = Path(__file__).resolve().parent.parent / "data"


def show_list(registry: dict[str, DataSet]) -> int:
    """Print what the registry has; return the exit status."""
    for data_set in registry.values():
        facts = data_set.title, f"licence: {data_set.licence}", f"cite: {data_set.citation}"
        say("\n    ".join([data_set.name, *facts]))
        for file in data_set.files:
            size = format_bytes(file.size) if file.size else "size unknown"
            say(f"    {file.name}, {size}" + (f", not verified: {file.unverified}" if file.unverified else ""))
        if data_set.obtain:
            say(indent(data_set.obtain, "    "))
    return 0


def choose(registry: dict[str, DataSet], options: argparse.Namespace) -> list[DataSet]:
    """Return the data sets meant; RegistryError if one is unknown. To verify, no name means what is there."""
    unknown = [name for name in options.names if name not in registry]
    if unknown:
        raise RegistryError(f"no data set {', '.join(unknown)}. There are: {', '.join(registry)}")
    needed = [name for name, item in registry.items() if options.profile in item.profiles]
    if options.profile and not needed:
        profiles = dict.fromkeys(profile for item in registry.values() for profile in item.profiles)
        raise RegistryError(f"no data set is needed for the profile {options.profile}, but for: {', '.join(profiles)}")
    if options.names or needed:
        return [registry[name] for name in dict.fromkeys([*options.names, *needed])]
    if options.verify:
        here = [item for item in registry.values() if is_begun(item, options.dest)]
        if here:
            return here
    raise RegistryError(f"name a data set: {', '.join(registry)}; --list says more")


def is_begun(data_set: DataSet, dest: Path) -> bool:
    """Whether any file of a data set is there."""
    return any((dest / data_set.folder / file.name).exists() for file in data_set.files)


def download(sets: list[DataSet], options: argparse.Namespace) -> int:
    """Provide every file of some data sets, if the disk has room for all; return the exit status."""
    missing = {item.name: sum(count_missing(file, options.dest / item.folder) for file in item.files) for item in sets}
    each = ", ".join(f"{name} {format_bytes(size)}" for name, size in missing.items() if size)
    say(f"to fetch: {format_bytes(sum(missing.values()))} ({each})" if each else "to fetch: nothing of known size")
    needed = sum(estimate_space(file, options.dest / item.folder) for item in sets for file in item.files)
    check_space(options.dest, needed, "the files and what they unpack to")
    return work_through(sets, options.dest, partial(provide, mirrors=options.mirror, timeout=options.timeout))


def work_through(sets: list[DataSet], dest: Path, action: Callable[[File, Path], bool]) -> int:
    """Apply an action to every file of some data sets; return the exit status."""
    done = failed = 0
    for data_set in sets:
        say(f"{data_set.name}: {data_set.title}\n  licence: {data_set.licence}")
        for file in data_set.files:
            try:
                done += action(file, dest / data_set.folder)
            except (DataError, OSError) as error:
                failed += 1
                hint = f"\n{data_set.obtain}" if data_set.obtain else ""
                print(f"error: {explain(error)}{hint}", file=sys.stderr, flush=True)
    if failed:
        say(f"{failed} failed; the errors say what to do.")
        return 1
    say("Done." if done else "Nothing to do.")
    return 0


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Return the command's options."""
    summary, rest = __doc__.split("\n", 1)
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="SET", help="data sets to download")
    parser.add_argument("--profile", help="download what the notebooks need with this profile: photos or book")
    parser.add_argument("--list", action="store_true", help="print what there is")
    parser.add_argument("--verify", action="store_true", help="check what is there, download nothing")
    parser.add_argument("--registry", type=Path, default=DATA / "registry.toml", metavar="FILE")
    parser.add_argument(
        "--mirror",
        type=parse_source,
        action="append",
        default=[],
        metavar="URL-OR-FOLDER",
        help="a copy to try first; may be repeated",
    )
    parser.add_argument("--dest", type=Path, default=DATA, metavar="FOLDER", help="where to put it (data/)")
    parser.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="silence of a server (30)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the exit status."""
    options = parse_arguments(arguments)
    try:
        registry = load_registry(options.registry)
        if options.list:
            return show_list(registry)
        sets = choose(registry, options)
        return work_through(sets, options.dest, inspect) if options.verify else download(sets, options)
    except (DataError, RegistryError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, RegistryError) else 1
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on where it stopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
