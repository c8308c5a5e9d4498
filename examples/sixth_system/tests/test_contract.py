"""The contract that every system of longtake keeps, for this one."""

import pytest
from label_propagation import PRESET

from longtake.systems.protocol import Preset
from longtake.testing import Contract


class TestLabelPropagation(Contract):
    """Every test of the contract, of the tiny variant of the preset."""

    @pytest.fixture
    def preset(self) -> Preset:
        """The preset under test."""
        return PRESET
