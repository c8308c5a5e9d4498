"""Masks by what they show, stored by several threads at once."""

import threading
from pathlib import Path

import numpy as np

from longtake.engine.store import MaskStore
from longtake.errors import LongtakeError


def test_threads_may_store_the_same_masks_at_once(tmp_path: Path) -> None:
    """As the videos of a project do, which share a folder: frames that show nothing are all the same."""
    stores, failed = [MaskStore(tmp_path) for _ in range(4)], list[LongtakeError]()
    for name in range(20):
        labels, gate = np.full((240, 320), name, np.uint16), threading.Barrier(len(stores))

        def put(store: MaskStore, labels: np.ndarray = labels, gate: threading.Barrier = gate) -> None:
            gate.wait()
            try:
                assert np.array_equal(store.get(store.put(labels)), labels)
            except LongtakeError as error:
                failed.append(error)

        threads = [threading.Thread(target=put, args=(store,)) for store in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failed
    assert len(list(tmp_path.iterdir())) == 20
