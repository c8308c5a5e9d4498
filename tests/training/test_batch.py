import torch

from longtake.training.batch import make_batch

CPU = torch.device("cpu")


def ids(*frames: list[int]) -> torch.Tensor:
    """A clip of one row of pixels per frame."""
    return torch.tensor(frames, dtype=torch.uint8)[:, None]


def test_columns_are_given_in_one_frame_and_padded() -> None:
    one = ids([1, 0, 0], [1, 2, 0], [1, 2, 3], [0, 2, 3])
    two = ids([1, 2, 0], [1, 2, 0], [1, 2, 0], [1, 2, 3])
    labels = torch.stack([one, two])
    images = torch.zeros(2, 4, 3, 1, 3, dtype=torch.uint8)
    batch = make_batch(images, labels, CPU, late=True)
    assert batch.clip.first == (0, 0, 1, 2)
    assert batch.clip.valid.tolist() == [[True, False, True, True], [True, True, False, False]]
    # what was 2 in the first clip is column 3, id 3; what comes in the last frame has no frame left to be followed in
    assert batch.ids[0, :, 0].tolist() == [[1, 0, 0], [1, 3, 0], [1, 3, 4], [0, 3, 4]]
    assert batch.ids[1, 3, 0].tolist() == [1, 2, 0]
    assert [batch.clip.known(t) for t in range(4)] == [0, 2, 3, 4]
    assert batch.truth(1, range(1, 1 + batch.clip.known(1)))[0, 0].tolist() == [1, 0, 0]
    prompt = batch.clip.given(1)
    assert prompt is not None
    assert prompt.ids == (3,)
    assert prompt.valid.tolist() == [[True], [False]]
    assert batch.clip.given(3) is None


def test_without_late_ones_they_are_background() -> None:
    batch = make_batch(torch.zeros(1, 2, 3, 1, 3, dtype=torch.uint8), ids([1, 255, 0], [1, 255, 2])[None], CPU)
    assert batch.clip.masks.shape == (1, 2, 1, 1, 3)
    assert batch.ids[0, :, 0].tolist() == [[1, 255, 0], [1, 255, 0]]
    assert batch.clip.first == (0,)


def test_a_clip_without_objects_has_a_column_of_padding() -> None:
    batch = make_batch(torch.zeros(1, 3, 3, 1, 2, dtype=torch.uint8), ids([0, 0], [0, 1], [0, 1])[None], CPU, late=True)
    assert batch.clip.first == (0, 1)
    assert batch.clip.valid.tolist() == [[False, True]]
