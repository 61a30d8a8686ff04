"""A knob has the value of the profile."""

import pytest

from helpers.knobs import PROFILES, profile_values


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"sample": 64, "photos": 96, "book": 200}, [64, 96, 200]),
        ({"sample": 64, "photos": None, "book": 200}, [64, None, 200]),
        ({"sample": 64, "book": 200}, [64, 200, 200]),
    ],
)
def test_a_knob_has_the_value_of_the_profile(given, expected):
    assert [profile_values(profile)(**given) for profile in PROFILES] == expected


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError, match="PROFILE is 'books'; expected"):
        profile_values("books")
