import torch
from hypothesis import given
from hypothesis import strategies as st

from longtake.geometry import Fit

SIZES = st.tuples(st.integers(1, 130), st.integers(1, 130))


def test_padding_is_that_of_the_published_stm() -> None:
    placement = Fit(16).place((100, 150))
    assert placement.fitted == (112, 160)
    image = placement.images(torch.ones(1, 3, 100, 150))
    assert image[0, 0, 6:106, 5:155].min() == 1
    assert image.sum() == 3 * 100 * 150


def test_davis_frames_at_480() -> None:
    assert Fit(16).place((480, 854), 480).fitted == (480, 864)


@given(SIZES, st.sampled_from(["zeros", "reflect", "resize"]), st.sampled_from([(16, 0), (16, 1), (32, 0)]))
def test_every_size_comes_back(size: tuple[int, int], fill: str, grid: tuple[int, int]) -> None:
    placement = Fit(*grid, fill).place(size, 64)
    assert all((side - grid[1]) % grid[0] == 0 for side in placement.fitted)
    probabilities = torch.rand(1, 3, *placement.fitted).softmax(1)
    restored = placement.restore(probabilities)
    assert restored.shape == (1, 3, *size)
    torch.testing.assert_close(restored.sum(1), torch.ones(1, *size))


@given(SIZES, st.sampled_from(["zeros", "reflect"]))
def test_without_resizing_the_way_back_is_exact(size: tuple[int, int], fill: str) -> None:
    placement = Fit(16, fill=fill).place(size)
    image = torch.rand(1, 3, *size)
    assert torch.equal(placement.restore(placement.images(image)), image)


def test_a_coarse_grid_is_spread_where_it_lies() -> None:
    placement = Fit(16).place((100, 150), 50)
    coarse = torch.zeros(1, 1, 4, 5)
    coarse[..., 1, 3] = 1  # its middle lies at row 24, column 56 of the fitted 64x80, of which 50x75 show the frame
    spread = placement.spread(coarse)[0, 0]
    assert spread.shape == (100, 150)
    assert spread.min() == 0
    row, column = divmod(int(spread.argmax()), 150)
    assert abs(row - 2 * (24 - 7)) <= 2
    assert abs(column - 2 * (56 - 2)) <= 2


def test_inside_marks_the_frame_and_not_its_margins() -> None:
    placement = Fit(16).place((10, 16))
    inside = placement.inside(torch.device("cpu"))
    assert inside is not None
    assert inside[0, 0, :, 0].tolist() == [0.0] * 3 + [1.0] * 10 + [0.0] * 3
    assert Fit(16).place((16, 32)).inside(torch.device("cpu")) is None


def test_results_are_fresh_storage() -> None:
    placement = Fit(16).place((16, 16))
    image = torch.rand(1, 3, 16, 16)
    for out in (placement.images(image), placement.masks(image), placement.restore(image)):
        assert out.untyped_storage().data_ptr() != image.untyped_storage().data_ptr()


def test_a_thin_object_survives_reduction() -> None:
    masks = torch.zeros(1, 1, 400, 400)
    masks[..., 101] = 1
    assert Fit(16).place((400, 400), 100).masks(masks).max() > 0.1
