"""What there is to download: the registry's data sets and their files."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from machinery.downloads.sources import Source, parse_source


class RegistryError(Exception):
    """The registry cannot be read, or does not have what was asked for."""


@dataclass(frozen=True)
class File:
    """A file of a data set; `size` 0 and `checksum` None mean unknown, and `unverified` says why."""

    name: str
    sources: tuple[Source, ...]
    size: int
    checksum: str | None
    unverified: str

    @property
    def is_archive(self) -> bool:
        """Whether the file is to be unpacked."""
        return self.name.endswith((".zip", ".tar", ".tar.gz", ".tgz"))


@dataclass(frozen=True)
class DataSet:
    """A table of the registry; `folder` holds its files, `obtain` says what only the reader can do.

    `profiles` are those of the notebooks that need it.
    """

    name: str
    title: str
    licence: str
    citation: str
    folder: str
    obtain: str
    profiles: tuple[str, ...]
    files: tuple[File, ...]


def load_registry(registry: Path) -> dict[str, DataSet]:
    """Read a registry, by the names of its sets; RegistryError names what is wrong with it, and where."""
    try:
        tables = tomllib.loads(registry.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # bad TOML and bad UTF-8 are ValueErrors
        raise RegistryError(f"cannot read the registry {registry}: {error}") from error
    return {name: parse_set(name, table, registry) for name, table in tables.items()}


def parse_set(name: str, table: dict, registry: Path) -> DataSet:
    """Return the data set that a table of the registry describes."""
    where = f"{registry}: [{name}]"
    title = require(table, "title", str, where)
    licence = require(table, "licence", str, where)
    files = tuple(parse_file(entry, where, registry.parent) for entry in require(table, "files", list, where))
    table = {"citation": "", "folder": name, "obtain": "", "profiles": []} | table
    folder = require_plain_name(require(table, "folder", str, where), where)
    citation, obtain = require(table, "citation", str, where), require(table, "obtain", str, where).strip()
    profiles = tuple(map(str, require(table, "profiles", list, where)))
    return DataSet(name, title, licence, citation, folder, obtain, profiles, files)


def parse_file(table: dict, where: str, home: Path) -> File:
    """Return the file that an entry under `files` describes; its relative URLs are seen from the folder `home`."""
    name = require_plain_name(require(table, "name", str, where), where)
    where = f"{where} {name}"
    sources = tuple(parse_source(str(url), home) for url in require(table, "urls", list, where))
    algorithm = next((key for key in ("sha256", "md5") if key in table), None)
    if algorithm is None and "unverified" not in table:
        raise RegistryError(f"{where}: one of the keys 'sha256', 'md5' and 'unverified' (why) is missing")
    checksum = algorithm and f"{algorithm}:{require(table, algorithm, str, where).lower()}"
    table = {"unverified": ""} | ({} if algorithm else {"bytes": 0}) | table
    size = require(table, "bytes", int, where)
    return File(name, sources, size, checksum, require(table, "unverified", str, where))


def require(table: dict, key: str, kind: type, where: str):
    """Return `table[key]`; raise RegistryError naming the key if it is missing or of another kind."""
    if not isinstance(table, dict) or not isinstance(table.get(key), kind):
        raise RegistryError(f"{where}: the key '{key}' ({kind.__name__}) is missing or not of that type")
    return table[key]


def require_plain_name(name: str, where: str) -> str:
    """Return `name`; raise RegistryError unless it stays in its folder, as a registry may be a stranger's."""
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise RegistryError(f"{where}: '{name}' is not a plain file name")
    return name
