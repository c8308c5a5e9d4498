import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_a_run_killed_at_random_steps_has_the_losses_and_weights_of_an_undisturbed_one() -> None:
    tool = Path(__file__).parents[2] / "tools" / "kill_training.py"
    done = subprocess.run(
        [sys.executable, str(tool), "--kills", "6", "--seed", "3"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "60 losses the same; averaged weights the same" in done.stdout
