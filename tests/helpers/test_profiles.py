"""A knob has the value of the profile."""

import pytest

from helpers.knobs import profile_values


def test_a_knob_has_the_value_of_the_profile():
    assert [profile_values(profile)(sample=64, book=200) for profile in ("sample", "book")] == [64, 200]


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError, match="PROFILE is 'books'; expected"):
        profile_values("books")
