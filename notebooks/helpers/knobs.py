"""The knobs of a notebook: the UPPER_CASE names of its cells tagged `parameters` or `constants`, and the profiles."""

import ast
import math
from collections.abc import Callable, Collection
from numbers import Integral, Real
from typing import NamedTuple

PROFILES = ("sample", "photos", "book")
KNOB_TAGS = ("parameters", "constants")  # what a reader may want to set, and what belongs to one experiment


class Rule(NamedTuple):
    """What a knob may be: in words, and as a test of its value."""

    expected: str
    holds: Callable[[object], bool]


def whole(least=1, most=math.inf):
    """Return the Rule for a whole number in a range, both ends included."""
    text = f"from {least}" if most == math.inf else f"from {least} to {most}"

    def holds(value):
        return isinstance(value, Integral) and not isinstance(value, bool) and least <= value <= most

    return Rule(f"a whole number {text}", holds)


def number(above=-math.inf, least=-math.inf, most=math.inf):
    """Return the Rule for a finite number above `above`, or in a range with both ends included."""
    text = f"above {above}" if above > -math.inf else f"from {least} to {most}"

    def holds(value):
        finite = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
        return finite and above < value and least <= value <= most

    return Rule(f"a number {text}", holds)


def several(rule, count=None):
    """Return the Rule for a tuple or a list, not empty or of `count` values, of which each keeps a rule."""
    text = f"{count} values in brackets" if count else "one or more values in brackets"

    def holds(values):
        if not isinstance(values, list | tuple) or len(values) != (count or len(values)):
            return False
        return len(values) > 0 and all(map(rule.holds, values))

    return Rule(f"{text}, each {rule.expected}", holds)


def one_of(*values):
    """Return the Rule for one of some values."""
    return Rule(" or ".join(map(repr, values)), lambda value: any(value is v or value == v for v in values))


def either(*rules):
    """Return the Rule that one of some rules is kept."""
    return Rule(", or ".join(rule.expected for rule in rules), lambda value: any(rule.holds(value) for rule in rules))


def _is_colormap(value):
    import matplotlib  # here, for others need not wait for it

    return isinstance(value, str) and value in matplotlib.colormaps


COLORMAP = Rule("the name of a colormap of matplotlib, like 'magma'", _is_colormap)
TEXT = Rule("a name or a path", lambda value: isinstance(value, str) and value != "")
TRUTH = Rule("True or False", lambda value: isinstance(value, bool))
NAMES = Rule(
    "two to eight names in brackets, each another",
    lambda value: isinstance(value, list | tuple) and 2 <= len({*map(str, value)}) == len(value) <= 8,
)
SETTINGS = Rule("a dictionary of knobs and their values", lambda value: isinstance(value, dict))
NOTHING = one_of(None)
SPLIT = several(whole(), 3)

_AS_BOOK = object()  # the value of a knob that says nothing for photos

EVERYWHERE = {
    "PROFILE": one_of(*PROFILES),
    "DATA": TEXT,
    "BUILD": TEXT,
    "SEED": whole(0, 2**32 - 10_000),  # others are counted from it
    "IMAGE_SIZE": whole(8, 4096),
    "FILTERS": several(whole()),
    "EPOCHS": whole(),
    "BATCH_SIZE": whole(),
    "LEARNING_RATE": number(above=0),
    "DECAY": TRUTH,
    "PRECISION": one_of("float32", "mixed_bfloat16", "fastest"),
    "DEVICES": whole(),
}
RULES = {
    "9_2": EVERYWHERE
    | {
        "CLASS_NAMES": NAMES,
        "PICTURES": whole(2),
        "VALIDATION": whole(),
        "MIRROR": TRUTH,
        "SHOWN_PICTURE": whole(0),
        "SHOWN_PREDICTION": whole(0),
        "DOT_EPOCHS": whole(),
    },
    "9_3": EVERYWHERE
    | {
        "PICTURES": SPLIT,
        "MOMENTUM": number(least=0, most=1),
        "DEPTHS": several(whole()),
        "BATCHES": whole(),
        "WIDTHS": several(whole()),
        "ROTATION": number(least=0, most=1),
        "ZOOM": number(least=0, most=1),
        "BASELINE_FILTERS": several(whole()),
        "ABLATION_SIZE": whole(8, 4096),
        "ABLATION_FILTERS": several(whole()),
        "ABLATION_EPOCHS": whole(),
        "ABLATION_SEEDS": whole(),
    },
    "9_4": EVERYWHERE
    | {
        "BACKBONE": TEXT,
        "WEIGHTS": TEXT,
        "CAT_PICTURE": either(whole(0), TEXT),
        "PICTURE": either(whole(0), TEXT),
        "CLASS": either(NOTHING, whole(0), TEXT),
        "PATTERNS": whole(),
        "CAM_LAYER": either(whole(), TEXT),
        "LESSONS": SETTINGS,
        "BASE": either(NOTHING, several(TEXT, 2)),
        "CHANNEL": whole(0),
        "IMAGES_PER_ROW": whole(),
        "CHANNELS_SHOWN": either(NOTHING, whole()),
        "PICTURES": SPLIT,
        "PATTERN_SIZE": whole(8, 4096),
        "STEPS": whole(),
        "RATE": number(above=0),
        "FILTER_LAYERS": either(NOTHING, TEXT, several(TEXT)),
        "FILTER": whole(0),
        "CROP": whole(0),
        "COLORMAP": COLORMAP,
        "OPACITY": number(least=0, most=1),
        "PAIR": whole(0),
        "SCORED": whole(2),
        "RANDOMISED": whole(),
        "DRAWS": whole(),
        "FRESH": whole(),
    },
    "9_5": EVERYWHERE
    | {"TRAININGS": whole(), "SOME": whole(2), "COVERED": whole(), "STORED": TEXT, "LESSON": SETTINGS},
}


class Relation(NamedTuple):
    """What some knobs must be to each other: their names, in words, and as a test of their values.

    The first name is that of the knob which a notebook sets last, and which is told when they do not fit.
    """

    names: tuple[str, ...]
    expected: str
    holds: Callable[..., bool]


RELATIONS = {
    "9_2": [
        Relation(
            ("IMAGE_SIZE", "FILTERS"),
            "an IMAGE_SIZE that can be halved once for each of the FILTERS",
            lambda size, filters: size % 2 ** len(filters) == 0,
        ),
        Relation(("VALIDATION", "PICTURES"), "fewer than the PICTURES to validate", lambda some, all_: some < all_),
        Relation(("SHOWN_PICTURE", "PICTURES"), "one of the PICTURES, counted from 0", lambda one, all_: one < all_),
        Relation(
            ("SHOWN_PREDICTION", "VALIDATION"),
            "one of those that validate, counted from 0",
            lambda one, all_: one < all_,
        ),
    ],
    "9_4": [
        Relation(("CROP", "PATTERN_SIZE"), "less than half of the PATTERN_SIZE", lambda crop, size: 2 * crop < size),
    ],
}


def check_knobs(notebook: str, values: dict, only: Collection[str] | None = None) -> None:
    """Raise a ValueError that tells each knob of a notebook that cannot be right, its value and what is expected.

    Args:
        notebook: the number of its section, "9_2" to "9_5".
        values: values by name; of the notebook's knobs some or all, and whatever else.
        only: names of the knobs to check; unless given, all.
    """
    rules = {name: rule for name, rule in RULES.get(notebook, {}).items() if only is None or name in only}
    wrong = {name: rules[name].expected for name in rules if name in values and not rules[name].holds(values[name])}
    for names, expected, holds in RELATIONS.get(notebook, []):
        known = names[0] in rules and all(name in values and name not in wrong for name in names)
        if known and not holds(*(values[name] for name in names)):
            others = " and ".join(f"{name} {values[name]!r}" for name in names[1:])
            wrong[names[0]] = f"{expected}, with {others}"
    if wrong:
        raise ValueError("\n".join(f"{name} is {values[name]!r}; expected {text}" for name, text in wrong.items()))


def watch_knobs(notebook: str, values: dict) -> None:
    """Check the knobs that a notebook has set, and from now on those that cells set, before the next cell without any.

    Args:
        notebook: the number of its section, "9_2" to "9_5".
        values: the notebook's `globals()`.
    """
    from IPython import get_ipython  # here, for who reads knobs alone need not wait for it

    shell = get_ipython()
    if shell is None or values is not shell.user_ns:
        check_knobs(notebook, values)
    elif not any(isinstance(transformer, _CheckSettings) for transformer in shell.ast_transformers):
        check_knobs(notebook, values)
        shell.ast_transformers.append(_CheckSettings(notebook))


class _CheckSettings(ast.NodeTransformer):
    """Lets a cell without knobs first check those that the cells before it have set; the runner adds such cells."""

    def __init__(self, notebook):
        self.notebook = notebook
        self.unchecked = set()

    def visit_Module(self, cell):
        knobs = RULES[self.notebook].keys() & map(_set_name, cell.body)
        self.unchecked |= knobs
        if self.unchecked and not knobs:
            call = (
                f"__import__({__name__!r}, fromlist=['']).check_knobs({self.notebook!r}, globals(), {self.unchecked})"
            )
            cell.body[:0] = ast.parse(call).body
            self.unchecked = set()
        return cell


def profile_values(profile):
    """Choose between the defaults of a knob.

    Args:
        profile: "sample" (drawn pets, minutes on a laptop), "photos" (photographs, a quarter of an hour on a laptop) or
            "book" (the chapter's numbers).

    Returns:
        A function `knob(*, sample, photos=…, book)` that returns one of its arguments; without `photos` that is `book`.

    Raises:
        ValueError: there is no such profile.
    """
    if profile not in PROFILES:
        raise ValueError(f"PROFILE is {profile!r}; expected {one_of(*PROFILES).expected}")

    def knob(*, sample, photos=_AS_BOOK, book):
        return {"sample": sample, "photos": book if photos is _AS_BOOK else photos, "book": book}[profile]

    return knob


def find_knobs(source: str) -> dict[str, ast.Assign]:
    """Return the knobs that the source of a cell sets: the assignment to each, by its name."""
    nodes = ast.parse(source, "parameters cell").body
    return {name: node for node in nodes if (name := _set_name(node)).isupper()}


def _set_name(node: ast.stmt) -> str:
    """Return the name that a statement sets, "" if it sets none."""
    return ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else ""
