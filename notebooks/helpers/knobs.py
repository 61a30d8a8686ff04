"""The knobs of a notebook: the UPPER_CASE names of its cells tagged `parameters` or `constants`, and the profiles."""

import ast

PROFILES = ("sample", "book")
KNOB_TAGS = ("parameters", "constants")  # what a reader may want to set, and what belongs to one experiment


def profile_values(profile):
    """Choose between the two defaults of a knob.

    Args:
        profile: "sample" (drawn pets, minutes on a laptop) or "book" (the chapter's numbers).

    Returns:
        A function `knob(*, sample, book)` that returns one of its two arguments.

    Raises:
        ValueError: there is no such profile.
    """
    if profile not in PROFILES:
        raise ValueError(f'PROFILE is {profile!r}; expected "sample" or "book"')

    def knob(*, sample, book):
        return {"sample": sample, "book": book}[profile]

    return knob


def find_knobs(source: str) -> dict[str, ast.Assign]:
    """Return the knobs that the source of a cell sets: the assignment to each, by its name."""
    assignments = [node for node in ast.parse(source, "parameters cell").body if isinstance(node, ast.Assign)]
    return {name: node for node in assignments if (name := ast.unparse(node.targets[0])).isupper()}
