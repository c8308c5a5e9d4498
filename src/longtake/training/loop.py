"""The training loop: any system, through `Unroll`, stopped and resumed without a trace in its losses.

A run folder holds recipe.json (all that was resolved), losses.csv, checkpoint.pt (for going on) and, at the end,
model.safetensors (the averaged weights). Clip k follows from the seed and k alone, so a step needs no sampler state.
"""

import csv
import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from longtake.engine.step import rules_for
from longtake.engine.unroll import Clip, Unroll
from longtake.errors import CheckpointError, InputError, LongtakeError, OutputError, SettingError
from longtake.nn.backbone import Backbone, load_imagenet
from longtake.systems.checkpoint import Card, fill, read_weights, save_checkpoint
from longtake.systems.protocol import AnySystem
from longtake.systems.zoo import preset
from longtake.training.losses import bootstrap_share, bootstrapped_cross_entropy, dice
from longtake.training.optim import build_optimizer, rate_at, set_rate
from longtake.training.recipe import Recipe, parse_recipe
from longtake.training.sources import clip_dataset

COLUMNS = ("step", "stage", "loss", "cross_entropy", "dice", "rate", "seconds")
CHECKPOINT, RECIPE, LOSSES, MODEL = "checkpoint.pt", "recipe.json", "losses.csv", "model.safetensors"

Report = Callable[[int, int, float], None]
"""Called after each step with the steps done, all steps, and the loss."""


def build_system(recipe: Recipe) -> AnySystem:
    """The recipe's system with the weights it starts from."""
    torch.manual_seed(recipe.seed)
    chosen = preset(recipe.model, recipe.options)
    system = chosen.build()
    if recipe.backbone is not None:
        weights = read_backbone(Path(recipe.backbone))
        found = [module for module in system.modules() if isinstance(module, Backbone)]
        try:
            for module in found:
                load_imagenet(module, chosen.backbone, weights)
        except (KeyError, RuntimeError) as error:
            raise CheckpointError(f"{recipe.backbone}: not weights for this backbone: {error}") from error
    if recipe.start is not None:
        fill(system, read_weights(Path(recipe.start)), recipe.start)
    return system


def read_backbone(path: Path) -> dict[str, Tensor]:
    """A torchvision state dict from .safetensors or from a pickle in weights-only mode. Raises CheckpointError."""
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; give ImageNet weights in torchvision's names")
    if path.suffix == ".safetensors":
        return read_weights(path)
    try:
        loaded: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"{path}: not a state dict that loads in weights-only mode ({error})") from error
    return loaded


class Interrupt:
    """Ctrl-C as a question, so that a step is never cut in two; a second one is not asked but done."""

    def __enter__(self) -> "Interrupt":
        self.asked = False
        self.installed = threading.current_thread() is threading.main_thread()
        if self.installed:
            self.before = signal.signal(signal.SIGINT, self._ask)
        return self

    def _ask(self, *_: object) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, self.before)

    def __exit__(self, *_: object) -> None:
        if self.installed:
            signal.signal(signal.SIGINT, self.before)


class Trainer:
    """A run: its parts, and how many steps are done."""

    def __init__(self, recipe: Recipe, data: Sequence[Path], out: Path, restore: bool = False) -> None:
        self.recipe, self.data, self.out, self.done = recipe, [path.resolve() for path in data], out, 0
        self.datasets = [clip_dataset(recipe, stage, self.data) for stage in recipe.stages]
        mixed = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}[recipe.precision]
        self.accelerator = Accelerator(mixed_precision=mixed, cpu=not torch.cuda.is_available())
        system = build_system(recipe.model_copy(update={"backbone": None, "start": None}) if restore else recipe)
        self.system = system.train().to(memory_format=torch.channels_last)
        self.optimizer = build_optimizer(self.system, recipe)
        unroll = Unroll(self.system, rules_for(self.system, feedback=recipe.feedback))
        self.unroll, self.prepared = self.accelerator.prepare(unroll, self.optimizer)
        self._last = math.nan
        self.average = AveragedModel(self.system, multi_avg_fn=get_ema_multi_avg_fn(recipe.average))  # type: ignore[no-untyped-call]

    def run(self, report: Report = lambda done, steps, loss: None) -> None:
        """Train to the end of the recipe; an interrupt lets the step end, saves, and is raised again."""
        self._prepare_folder()
        with (self.out / LOSSES).open("a", newline="") as file, Interrupt() as interrupt:
            log = csv.writer(file, lineterminator="\n")
            while self.done < self.recipe.steps:
                for images, ids in self._batches(interrupt):
                    log.writerow(self._step(images, ids))
                    file.flush()
                    report(self.done, self.recipe.steps, self._last)
                    if self.done % self.recipe.save_every == 0 or interrupt.asked:
                        self.save()
                    if interrupt.asked:
                        raise KeyboardInterrupt
        self.save()
        card = Card(self.recipe.model, self.recipe.options, data=self.recipe.data, training=f"{self.done} steps")
        save_checkpoint(self.out / MODEL, self.average.module.state_dict(), card)

    def _batches(self, interrupt: "Interrupt") -> Iterator[tuple[Tensor, Tensor]]:
        """The batches left in the current stage. Raises InputError naming data that cannot be read."""
        stage, within = self.recipe.stage_at(self.done)
        numbers = range((self.done * stage.batch), (self.done + stage.steps - within) * stage.batch)
        workers = self.recipe.workers
        loader = DataLoader(
            self.datasets[self.recipe.stages.index(stage)],
            batch_size=stage.batch,
            sampler=numbers,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
        )
        try:
            yield from loader
        except LongtakeError as error:
            # a worker wraps its error into a traceback, whose last line is the message
            raise InputError(str(error).strip().splitlines()[-1].rpartition("Error: ")[2]) from error
        except RuntimeError as error:
            if interrupt.asked:  # the workers got the interrupt too
                self.save()
                raise KeyboardInterrupt from error
            raise

    def _step(self, images: Tensor, ids: Tensor) -> tuple[Any, ...]:
        started = time.perf_counter()
        stage, within = self.recipe.stage_at(self.done)
        rate = rate_at(stage, within)
        set_rate(self.optimizer, rate)
        clip = to_clip(images, ids, self.accelerator.device)
        outputs, _ = self.unroll(clip)
        share = bootstrap_share(within / stage.steps, stage.hardest)
        truth = [ids[:, t].long().to(self.accelerator.device) for t in range(1, ids.shape[1])]
        pairs = list(zip(outputs, truth, strict=True))
        entropy = torch.stack([bootstrapped_cross_entropy(out, t, share) for out, t in pairs]).mean()
        overlap = torch.stack([dice(out, t, clip.valid) for out, t in pairs]).mean()
        loss = entropy + self.recipe.dice_weight * overlap
        if not math.isfinite(loss.item()):
            raise InputError(f"{self.out}: the loss is {loss.item()} at step {self.done}; lower the stage's rate")
        self.prepared.zero_grad()
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.unroll.parameters(), self.recipe.clip_norm)
        self.prepared.step()
        self.average.update_parameters(self.system)
        self.done, self._last = self.done + 1, loss.item()
        figures = (f"{x if isinstance(x, float) else x.item():.9g}" for x in (loss, entropy, overlap, rate))
        return self.done, stage.name, *figures, f"{time.perf_counter() - started:.3f}"

    def save(self) -> None:
        """Write checkpoint.pt, whole or not at all."""
        partial = self.out / f".{CHECKPOINT}.partial"
        torch.save(
            {
                "done": self.done,
                "system": self.system.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
            },
            partial,
        )
        partial.replace(self.out / CHECKPOINT)

    def restore(self) -> None:
        """Go on from checkpoint.pt. Raises CheckpointError where it is missing or damaged."""
        path = self.out / CHECKPOINT
        try:
            saved = torch.load(path, map_location=self.accelerator.device, weights_only=True)
            self.system.load_state_dict(saved["system"])
            self.average.load_state_dict(saved["average"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.done = saved["done"]
        except Exception as error:
            raise CheckpointError(f"{path}: cannot be resumed ({error})") from error

    def _prepare_folder(self) -> None:
        """Write the resolved recipe; drop the losses of steps that were not saved."""
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            resolved = {"recipe": self.recipe.model_dump(mode="json"), "data": [str(path) for path in self.data]}
            if not (self.out / RECIPE).exists():
                _write_whole(self.out / RECIPE, json.dumps(resolved, indent=1))
            path = self.out / LOSSES
            rows = path.read_text().splitlines() if path.exists() else [",".join(COLUMNS)]
            _write_whole(path, "\n".join([*rows[: 1 + self.done], ""]))
        except OSError as error:
            raise OutputError(f"{self.out}: cannot be written ({error})") from error


def _write_whole(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text)
    partial.replace(path)


def to_clip(images: Tensor, ids: Tensor, device: torch.device) -> Clip:
    """A batch of the loader as a clip: images uint8 [b, t, 3, h, w], ids uint8 [b, t, h, w]."""
    ids = ids.to(device)
    names = torch.arange(1, max(1, int(ids.max())) + 1, device=device)
    masks = (ids[:, :, None] == names[:, None, None]).float()
    return Clip(images.to(device).float() / 255, masks, masks[:, 0].flatten(2).any(dim=2))


def start(recipe: Recipe, data: Sequence[Path], out: Path) -> Trainer:
    """A new run. Raises SettingError where the folder already holds one."""
    if (out / RECIPE).exists():
        raise SettingError(f"{out} already holds a run; go on with: longtake train --resume {out}")
    places = {name: str(Path(path).resolve()) for name in ("backbone", "start") if (path := getattr(recipe, name))}
    return Trainer(recipe.model_copy(update=places), data, out)


def resume(out: Path) -> Trainer:
    """The run in a folder, where it was last saved (or at its beginning). Raises SettingError where there is none."""
    if not (out / RECIPE).exists():
        raise SettingError(f"{out} holds no run; start one with: longtake train RECIPE --data ROOT --out {out}")
    try:
        resolved = json.loads((out / RECIPE).read_text())
        recipe, data = parse_recipe(resolved["recipe"], str(out)), [Path(path) for path in resolved["data"]]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{out / RECIPE}: damaged ({error}); start the run again in another folder") from error
    saved = (out / CHECKPOINT).exists()
    trainer = Trainer(recipe, data, out, restore=saved)
    if saved:
        trainer.restore()
    return trainer
