from pathlib import Path

import pytest
import torch

from longtake.errors import CheckpointError
from longtake.systems.official import read_official
from longtake.systems.stm.weights import convert_official


def test_a_pickle_with_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.pth"
    torch.save({"module.x": Path("not a tensor")}, path)
    with pytest.raises(CheckpointError, match="weights-only"):
        read_official(path)


def test_a_file_of_other_things_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "numbers.pth"
    torch.save({"epoch": 3}, path)
    with pytest.raises(CheckpointError, match="no state dict"):
        read_official(path)


def test_every_unmapped_name_is_reported() -> None:
    tensors = {
        "Encoder_Q.conv1.weight": torch.zeros(64, 3, 7, 7),
        "extra.weight": torch.zeros(1),
        "KV_X.y": torch.zeros(1),
    }
    with pytest.raises(CheckpointError, match=r"extra\.weight, KV_X\.y"):
        convert_official(tensors, "file.pth")


def test_missing_and_misshaped_tensors_are_reported() -> None:
    with pytest.raises(CheckpointError, match=r"tensors do not fit"):
        convert_official({"Encoder_Q.conv1.weight": torch.zeros(64, 3, 3, 3)}, "file.pth")
