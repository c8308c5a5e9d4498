"""The jobs of a batch on many machines: the same work by Ray's actors. All of them must see the results' folder."""

import importlib
import socket
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from longtake.batch.local import ATTEMPTS, begin
from longtake.batch.manifest import Job
from longtake.batch.work import Outcome, failed, sweep, work
from longtake.errors import MissingExtraError, SettingError

THREADS = 2
"""Processors of a worker without a card, where every machine has as many."""


class Worker:
    """A process somewhere in the cluster, which keeps its model from video to video."""

    def __init__(self, threads: int) -> None:
        begin(threads)

    def work(self, job: Job, out: Path) -> Outcome:
        """Segment a video into out/NAME."""
        return work(job, out)


def run(jobs: Sequence[Job], out: Path, workers: int | None, address: str | None) -> Generator[Outcome, None, None]:
    """The outcomes of all jobs, as they end; where a disk is full, of those that were begun by then.

    workers: at most one for each card of the cluster, or for every two processors of a node; None takes that many.
    address: as Ray takes it; None uses a cluster that is connected to already, or starts one on this machine. A worker
    that dies is started anew, and its video begun once more. Raises SettingError where there is no cluster,
    MissingExtraError without Ray.
    """
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError as error:
        raise MissingExtraError("ray", "batch") from error
    own = not ray.is_initialized()
    if own:
        try:
            _knock(address or "")
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except (OSError, ValueError, RuntimeError) as error:
            raise SettingError(f"--address {address}: no Ray cluster answers ({_first_line(error)})") from error
    actors = list[Any]()
    try:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        cards = sum(int(node.get("GPU", 0)) for node in nodes)
        processors = [int(node["CPU"]) for node in nodes if node.get("CPU", 0) >= 1]
        threads = THREADS if min(processors, default=1) >= THREADS else 1
        room = cards or sum(has // threads for has in processors)
        if not room:
            raise SettingError(f"--engine ray: none of the cluster's {len(nodes)} nodes has a processor to give")
        count = min(workers or room, room, len(jobs))
        needs = {"num_gpus": 1} if cards else {"num_cpus": threads}
        kind = ray.remote(max_restarts=-1, max_task_retries=ATTEMPTS - 1, **needs)(Worker)
        actors = [kind.remote(threads) for _ in range(count)]
        yield from _outcomes(ray, actors, list(jobs), out.resolve())
    finally:
        for actor in actors:
            ray.kill(actor)
        sweep(out)
        if own:
            ray.shutdown()


def _outcomes(ray: Any, actors: list[Any], waiting: list[Job], out: Path) -> Iterator[Outcome]:
    busy = dict[Any, tuple[Any, Job]]()
    idle, full = list(actors), False
    while busy or (waiting and not full):
        while idle and waiting and not full:
            actor, job = idle.pop(), waiting.pop(0)
            busy[actor.work.remote(job, out)] = actor, job
        (ready, *_), _ = ray.wait(list(busy), num_returns=1)
        actor, job = busy.pop(ready)
        idle.append(actor)
        try:
            outcome = ray.get(ready)
        except ray.exceptions.RayError as error:
            outcome = failed(job, f"its worker was lost, again and again ({_first_line(error)})")
        full = full or outcome.full
        yield outcome


def _knock(address: str) -> None:
    """Whether anything listens at HOST:PORT: Ray itself would ask for minutes. Raises OSError where nothing does."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
