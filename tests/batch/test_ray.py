"""Many videos by the processes of a Ray cluster of two machines, which both happen to be this one."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longtake.batch import on_ray
from longtake.batch.manifest import Job, read_manifest
from longtake.errors import SettingError

ray = pytest.importorskip("ray")


@pytest.fixture
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes.add_node(num_cpus=1)
    yield nodes
    ray.shutdown()
    nodes.shutdown()


def workers() -> list[int]:
    """The processes of actors, by the names that Ray gives them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if words.startswith(b"ray::Worker"):
            found.append(int(folder.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found in /proc")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_cluster_does_the_same_though_a_worker_is_killed(cluster: Any, manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    jobs = read_manifest(manifest, {"save": ""})
    with contextlib.closing(on_ray.run(jobs, out, None, cluster.address)) as outcomes:
        seen = [next(outcomes)]
        assert len(ray.nodes()) == 2
        pids = workers()
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        seen += outcomes
    assert {outcome.name: outcome.state for outcome in seen} == {
        "0": "done", "1": "done", "2": "done", "missing": "failed", "unmasked": "failed",
    }  # fmt: skip
    assert sorted(path.name for path in out.iterdir()) == ["0", "1", "2"]


def test_no_cluster_answers(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no Ray cluster answers"):
        list(on_ray.run([Job(source="0.mp4", masks=tmp_path)], tmp_path, 1, "127.0.0.1:1"))
