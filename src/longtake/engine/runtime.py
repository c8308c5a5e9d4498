"""Where and how precisely a system runs."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from longtake.engine.precision import fastest
from longtake.errors import SettingError
from longtake.nn.fold import fold_batch_norm
from longtake.systems.objects import AT_ONCE
from longtake.systems.protocol import AnySystem

log = logging.getLogger("longtake")


@dataclass(frozen=True)
class Runtime:
    """A device and the precision of its matrix products."""

    device: torch.device
    dtype: torch.dtype

    def ready(self, system: AnySystem) -> AnySystem:
        """The system itself, changed to be fast here: on the device, channels last, batch norm within convolutions.

        What concerns one object is computed about it only, where the system can.
        Its weights are no longer those of its checkpoint; what is trained or saved must be another copy.
        """
        system = system.eval().to(self.device).to(memory_format=torch.channels_last)
        fold_batch_norm(system)
        system.local = True
        return system

    def compiled(self, system: AnySystem, slots: int) -> AnySystem:
        """The system itself, its parts compiled for the shapes that come, and its memory read as so many frames.

        A part that cannot be compiled (no compiler, no system of parts) runs as it is, with a warning.
        """
        if not system.parts:
            log.warning("--compile: this model has no parts that can be compiled; going on without")
            return system
        system.slots = slots
        for part in system.parts:
            setattr(system, part, _compiled(part, getattr(system, part)))
        return system

    @contextlib.contextmanager
    def inference(self) -> Iterator[None]:
        """No gradients, products in the chosen precision. States made here may still be trained from."""
        mixed = self.dtype is not torch.float32
        with torch.no_grad(), torch.autocast(self.device.type, self.dtype, enabled=mixed):
            yield

    @property
    def objects_at_once(self) -> int:
        """Objects that pass through a network together: one by one a processor's caches hold what belongs to it."""
        return 1 if self.device.type == "cpu" else AT_ONCE.get()

    def release(self) -> None:
        """Give memory that is reserved and not in use back to the device."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        elif self.device.type == "mps":
            torch.mps.empty_cache()

    def memory(self) -> int | None:
        """Bytes that the device has, or the machine; None where the system does not tell."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_properties(self.device).total_memory
        if self.device.type == "mps":
            return torch.mps.recommended_max_memory()
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, ValueError, OSError):
            return None


def _compiled(part: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """A part's function, compiled at its first call for each set of shapes; as it is where that fails."""
    fast: Callable[..., Any] | None = torch.compile(call, dynamic=False)

    def run(*inputs: Any) -> Any:
        nonlocal fast
        if fast is not None:
            try:
                return fast(*inputs)
            except torch._dynamo.exc.TorchDynamoException as error:
                words = str(error).strip().splitlines() or [type(error).__name__]
                log.warning("--compile: %s cannot be compiled (%s); going on without", part, words[0])
                fast = None
        return call(*inputs)

    return run


def runtime(device: str = "auto", precision: str = "auto") -> Runtime:
    """The named device and precision, or the best at hand. Raises SettingError where the machine lacks the device."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    lacking = {"cuda": not torch.cuda.is_available(), "mps": not torch.backends.mps.is_available(), "cpu": False}
    if device not in lacking:
        raise SettingError(f"--device {device}: use auto, cpu, cuda or mps")
    if lacking[device]:
        raise SettingError(f"--device {device}: torch finds none on this machine; use --device auto")
    named = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if precision != "auto" and precision not in named:
        raise SettingError(f"--precision {precision}: use auto, float32, bfloat16 or float16")
    return Runtime(torch.device(device), fastest(torch.device(device)) if precision == "auto" else named[precision])
