"""The processes that train together, and what they agree on."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar, cast

import torch
from accelerate import Accelerator, InitProcessGroupKwargs
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs, gather_object

from longtake.errors import LongtakeError

T = TypeVar("T")

MIXED = {"float32": "no", "float64": "no", "bfloat16": "bf16", "float16": "fp16"}


class Processes:
    """One process, or those that torchrun began; a process may wait long while the first one validates."""

    def __init__(self, precision: str) -> None:
        # another run of this process may have had another precision
        AcceleratorState._reset_state()
        self.accelerator = Accelerator(
            mixed_precision=MIXED[precision],
            cpu=not torch.cuda.is_available(),
            kwargs_handlers=[
                InitProcessGroupKwargs(timeout=timedelta(days=2)),
                DistributedDataParallelKwargs(find_unused_parameters=True),
            ],
        )
        self.count, self.own = self.accelerator.num_processes, self.accelerator.process_index
        self.main = self.accelerator.is_main_process
        self.device: torch.device = self.accelerator.device

    def together(self, action: Callable[[], T]) -> T:
        """What an action gives that every process does; where it fails in one, it fails in all, so that none waits."""
        result, error = None, None
        try:
            result = action()
        except LongtakeError as raised:
            error = raised
        if self.any(error is not None):
            raise error or LongtakeError("stopped, because another process did; its line says why")
        return cast(T, result)

    def any(self, asked: bool) -> bool:
        """Whether any process was asked."""
        if self.count == 1:
            return asked
        flag = torch.tensor([float(asked)], device=self.device)
        return bool(self.accelerator.reduce(flag, "sum").item() > 0)

    def mean(self, figures: Mapping[str, float]) -> dict[str, float]:
        """The mean over all processes."""
        values = torch.tensor(list(figures.values()), dtype=torch.float64, device=self.device)
        return dict(zip(figures, self.accelerator.reduce(values, "mean").tolist(), strict=True))

    def gather(self, messages: Sequence[str]) -> list[str]:
        """What all processes have to say."""
        return list(messages) if self.count == 1 else list(gather_object(list(messages)))

    def end(self) -> None:
        """Take leave of the others."""
        if self.count > 1:
            self.accelerator.end_training()
