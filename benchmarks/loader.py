"""How many clips per second the loader gives by itself, and how many training the compact STM takes.

    python benchmarks/loader.py                                     clips that are rendered (no data needed)
    python benchmarks/loader.py DAVIS STILLS ... --recipe stm-mobilenet-v2

Both run by turns in one process, the loader with two processes of its own, after a warm-up; medians are printed with
their ratio.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from longtake.engine.step import rules_for
from longtake.engine.unroll import Unroll
from longtake.training.batch import make_batch
from longtake.training.build import build_system
from longtake.training.loader import Loaded, Share, load
from longtake.training.objective import objective
from longtake.training.optim import build_optimizer, set_rates
from longtake.training.parse import load_recipe
from longtake.training.recipe import Recipe
from longtake.training.sources import open_sources, stage_clips

ROUNDS = 3
STEPS = {"loader": 24, "training": 4}


def batches(recipe: Recipe, number: int, roots: list[Path], first: int) -> Iterator[Loaded]:
    """A stage's batches from a step on."""
    stage = recipe.stages[number]
    clips = stage_clips(recipe, number, open_sources(recipe, roots))
    for parts in load(clips, Share(range(first, stage.steps), stage.batch, 1, (0, 1)), workers=2):
        yield parts[0]


def loading(recipe: Recipe, number: int, roots: list[Path], first: int) -> float:
    """Clips per second of the loader alone, once its processes have begun."""
    stream = batches(recipe, number, roots, first)
    for _ in range(8):  # what was made while the processes began
        next(stream)
    started = time.perf_counter()
    for _ in range(STEPS["loader"]):
        next(stream)
    return STEPS["loader"] * recipe.stages[number].batch / (time.perf_counter() - started)


class Training:
    """Steps of the optimiser on batches that are there."""

    def __init__(self, recipe: Recipe, number: int, ready: list[Loaded]) -> None:
        self.stage, self.ready = recipe.stages[number], ready
        system = build_system(recipe, weights=False).train().to(memory_format=torch.channels_last)
        self.optimizer = build_optimizer(system, self.stage.teaching)
        self.unroll = Unroll(system, rules_for(system))

    def rate(self) -> float:
        """Clips per second."""
        started = time.perf_counter()
        for step in range(STEPS["training"]):
            part = self.ready[step % len(self.ready)]
            set_rates(self.optimizer, self.stage, step)
            batch = make_batch(part.images, part.ids, torch.device("cpu"))
            found, _ = objective(self.unroll, self.stage.teaching, 0.0, batch)
            self.optimizer.zero_grad()
            found["loss"].backward()
            self.optimizer.step()
        return STEPS["training"] * self.stage.batch / (time.perf_counter() - started)


def main() -> None:
    """Print a line per stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roots", nargs="*", type=Path)
    parser.add_argument("--recipe", default="stm-mobilenet-v2-procedural")
    given = parser.parse_args()
    recipe = load_recipe(given.recipe, {"teaching": {"frozen": []}})
    for number, stage in enumerate(recipe.stages):
        stream = batches(recipe, number, given.roots, 0)
        training = Training(recipe, number, [next(stream) for _ in range(STEPS["training"])])
        stream.close()
        training.rate()
        figures = [(loading(recipe, number, given.roots, 10 + 40 * i), training.rate()) for i in range(ROUNDS)]
        loaded, trained = (statistics.median(column) for column in zip(*figures, strict=True))
        print(f"{given.recipe}, {stage.name}: loader {loaded:.1f} clips/s (two processes), ", end="")
        print(f"training {trained:.2f} clips/s on {torch.get_num_threads()} threads: ratio {loaded / trained:.1f}")


if __name__ == "__main__":
    main()
