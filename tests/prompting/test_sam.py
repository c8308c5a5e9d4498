"""The adapter against tiny graphs with the inputs of common exports; no weights are needed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longtake.errors import CheckpointError, MaskError
from longtake.prompting.rough import Rough
from longtake.prompting.sam import MEAN, SPREAD, Sam

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

SIDE = 64
SHAPES: dict[str, list[Any]] = {
    "image_embeddings": [1, 3, "a", "b"],
    "point_coords": [1, "n", 2],
    "point_labels": [1, "n"],
    "mask_input": [1, 1, SIDE // 4, SIDE // 4],
    "has_mask_input": [1],
    "orig_im_size": [2],
}


def save(
    path: Path, nodes: list[Any], inputs: dict[str, list[Any]], outputs: dict[str, list[Any]], *values: Any
) -> Path:
    kinds = (
        {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in each.items()}
        for each in (inputs, outputs)
    )
    taken, given = (list(each.values()) for each in kinds)
    graph = helper.make_graph(nodes, "graph", taken, given, [numpy_helper.from_array(v, n) for n, v in values])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def encoder(path: Path, shape: list[Any]) -> Path:
    """Gives back its image."""
    return save(
        path,
        [helper.make_node("Identity", ["image"], ["image_embeddings"])],
        {"image": shape},
        {"image_embeddings": shape},
    )


def decoder(path: Path, leave_out: tuple[str, ...] = (), low: bool = True) -> Path:
    """Three masks, the second the best: the log-odds handed in if there are any, else its own small ones.

    Further outputs tell what came in.
    """
    own = np.full((1, 3, SIDE // 4, SIDE // 4), -1, np.float32)
    own[0, 1, 2:6, 4:12] = 1  # rows 8 to 24, columns 16 to 48 of the image of 64
    name = "low_res_masks" if low else "masks"
    inputs = {key: shape for key, shape in SHAPES.items() if key not in leave_out}
    nodes = [helper.make_node("Identity", ["own"], ["plain"])]
    if "mask_input" in inputs:
        nodes.append(helper.make_node("Mul", ["mask_input", "big"], ["asked"]))
        nodes.append(helper.make_node("Add", ["asked", "own"], [name]))
    else:
        nodes.append(helper.make_node("Identity", ["plain"], [name]))
    nodes.append(helper.make_node("Identity", ["scores"], ["iou_predictions"]))
    outputs: dict[str, list[Any]] = {name: [1, 3, SIDE // 4, SIDE // 4], "iou_predictions": [1, 3]}
    for key, shape in inputs.items():
        nodes.append(helper.make_node("Identity", [key], [f"got_{key}"]))
        outputs[f"got_{key}"] = shape
    values = [("own", own), ("scores", np.array([[0.1, 0.9, 0.5]], np.float32)), ("big", np.float32(100))]
    return save(path, nodes, inputs, outputs, *values)


class Spied(Sam):
    """Keeps what the decoder was given."""

    def _restored(self, outputs: Any, size: Any, fitted: Any) -> Any:
        self.got = {key.removeprefix("got_"): value for key, value in outputs.items() if key.startswith("got_")}
        return super()._restored(outputs, size, fitted)


@pytest.fixture
def sam(tmp_path: Path) -> Spied:
    return Spied(encoder(tmp_path / "e.onnx", [1, 3, SIDE, SIDE]), decoder(tmp_path / "d.onnx"))


IMAGE = np.full((80, 160, 3), (200, 100, 50), np.uint8)


def test_coordinates_labels_and_the_mask_s_way_back(sam: Spied) -> None:
    found = sam(IMAGE, Rough(points=((40, 20),), background_points=((120, 60),)))
    assert sam.side == SIDE
    np.testing.assert_allclose(sam.got["point_coords"], [[[16, 8], [48, 24], [0, 0]]])
    np.testing.assert_array_equal(sam.got["point_labels"], [[1, 0, -1]])
    np.testing.assert_array_equal(sam.got["has_mask_input"], [0])
    np.testing.assert_array_equal(sam.got["orig_im_size"], [80, 160])
    assert not sam.got["mask_input"].any()
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    expected = (20, 60, 40, 120)  # 8 to 24 and 16 to 48 of 64, as they are of 160
    assert np.abs(np.subtract((rows[0], rows[-1] + 1, columns[0], columns[-1] + 1), expected)).max() <= 2
    assert found.shape == (80, 160)


def test_a_box_is_two_corners_without_a_padding_point(sam: Spied) -> None:
    sam(IMAGE, Rough(box=(20, 10, 100, 60), points=((40, 20),)))
    np.testing.assert_allclose(sam.got["point_coords"], [[[16, 8], [8, 4], [40, 24]]])
    np.testing.assert_array_equal(sam.got["point_labels"], [[1, 2, 3]])


def test_a_scribble_is_points_evenly_along_it(sam: Spied) -> None:
    sam(IMAGE, Rough(scribbles=(((10, 20), (10, 40), (30, 40)),)))
    expected = np.array([[10, 20], [10, 30], [10, 40], [20, 40], [30, 40], [0, 0]]) * 0.4
    np.testing.assert_allclose(sam.got["point_coords"][0], expected)


def test_a_mask_that_is_there_is_handed_in(sam: Spied) -> None:
    mask = np.zeros((80, 160), bool)
    mask[40:80, :80] = True
    found = sam(IMAGE, Rough(points=((40, 60),)), mask)
    np.testing.assert_array_equal(sam.got["has_mask_input"], [1])
    expected = np.full((16, 16), -10)
    expected[4:8, :8] = 10
    np.testing.assert_array_equal(sam.got["mask_input"][0, 0], expected)
    assert (found ^ mask).mean() < 0.05
    sam(IMAGE, Rough(box=(0, 0, 10, 10)), mask)
    np.testing.assert_array_equal(sam.got["has_mask_input"], [0])


@pytest.mark.parametrize("shape", [[1, 3, SIDE, SIDE], ["h", "w", 3], [1, SIDE, SIDE, 3]])
def test_images_as_encoders_want_them(shape: list[Any], tmp_path: Path) -> None:
    sam = Sam(encoder(tmp_path / "e.onnx", shape), decoder(tmp_path / "d.onnx"))
    sam.side = SIDE
    given = sam._embedding(IMAGE)
    colour = (np.array([200, 100, 50], np.float32) - MEAN) / SPREAD
    if len(shape) == 3:
        assert given.shape == (32, SIDE, 3)
        np.testing.assert_array_equal(given[0, 0], [200, 100, 50])
        return
    assert list(given.shape) == shape
    given = given[0] if shape[-1] == 3 else given[0].transpose(1, 2, 0)
    np.testing.assert_allclose(given[31, 63], colour, rtol=1e-5)
    assert not given[32:].any()
    assert sam._embedding(IMAGE) is sam._embedding(IMAGE)


def test_a_decoder_without_masks_going_in_or_small_ones_coming_out(tmp_path: Path) -> None:
    left_out = ("mask_input", "has_mask_input", "orig_im_size")
    sam = Sam(encoder(tmp_path / "e.onnx", [1, 3, SIDE, SIDE]), decoder(tmp_path / "d.onnx", left_out, low=False))
    found = sam(IMAGE, Rough(points=((40, 20),)))
    assert found.shape == (80, 160)
    assert found[20, 80]


def test_files_that_are_no_such_model(tmp_path: Path) -> None:
    first, second = encoder(tmp_path / "e.onnx", [1, 3, SIDE, SIDE]), decoder(tmp_path / "d.onnx")
    for one, other, line in (
        (second, second, "d.onnx: no encoder of Segment Anything.*its inputs: image_embeddings"),
        (first, first, r"e.onnx: no decoder of Segment Anything.*its inputs: image \[1, 3, 64, 64\]"),
        (tmp_path / "none.onnx", second, "none.onnx: no such file"),
    ):
        with pytest.raises(CheckpointError, match=line):
            Sam(one, other)
    (tmp_path / "bad.onnx").write_bytes(b"no graph")
    with pytest.raises(CheckpointError, match="not a readable ONNX file"):
        Sam(tmp_path / "bad.onnx", second)


def test_bad_prompts_are_one_line(sam: Spied) -> None:
    for rough, line in (
        (Rough(points=((200, 4),)), "outside the frame"),
        (Rough(background_points=((2, 4),)), "only back"),
    ):
        with pytest.raises(MaskError, match=line):
            sam(IMAGE, rough)
