import importlib

import pytest

import longtake


def test_every_public_name_exists() -> None:
    for name in longtake.__all__:
        assert getattr(longtake, name) is not None
    assert 10 <= len(longtake.__all__) <= 22


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = longtake.nothing


def test_public_functions_are_those_of_their_modules() -> None:
    assert longtake.propagate is importlib.import_module("longtake.engine.propagate").propagate
