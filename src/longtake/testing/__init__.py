"""The contract of a system as tests, for systems of other packages too: `from longtake.testing import Contract`.

Needs pytest, which longtake itself does not.
"""

import pytest

pytest.register_assert_rewrite("longtake.testing.contract")  # so that a failed assertion tells its values

from longtake.testing.contract import Contract  # noqa: E402

__all__ = ["Contract"]
