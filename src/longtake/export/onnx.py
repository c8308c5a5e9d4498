"""A system's parts as ONNX files, and onnxruntime in their place; memory, policies and merging stay what they are.

The files are for frames of one size and a memory of one size; the number of objects is free.
"""

import contextlib
import dataclasses
import hashlib
import json
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import longtake
from longtake.cache import cache
from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.errors import CheckpointError, MissingExtraError, SettingError
from longtake.geometry import Size
from longtake.systems.checkpoint import Card
from longtake.systems.protocol import AnySystem
from longtake.systems.zoo import preset

log = logging.getLogger("longtake")

FACTS = "model.json"

OPSET = 20

OBJECTS = torch.export.Dim("objects", min=1, max=4096)

Call = Callable[..., Any]


def export(system: AnySystem, card: Card, folder: Path, size: Size, slots: int = 8) -> None:
    """Write a file for each part, and model.json, into a new folder; whole or not at all.

    size: of the frames on the system's grid. slots: frames that memory is read as. The system must be in evaluation
    mode, in float32 on a processor. Raises SettingError where it has no parts, or the folder is there
    already; MissingExtraError.
    """
    if not system.parts:
        raise SettingError(f"{card.preset}: cannot be exported; stm and ddmemory models can")
    if folder.exists():
        raise SettingError(f"--out {folder}: is there already; name a new folder")
    _import("onnx"), _import("onnxscript")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}") as name, _fixed(system, slots):
        partial = Path(name) / "graphs"
        partial.mkdir()
        few, more = (_calls(system, size, objects) for objects in (2, 3))
        for part in system.parts:
            _write(system, part, few[part], more[part], partial / f"{part}.onnx")
        facts = {"longtake": longtake.__version__, "size": size, "slots": slots, **dataclasses.asdict(card)}
        (partial / FACTS).write_text(json.dumps(facts, indent=1) + "\n")
        with contextlib.suppress(FileExistsError):  # somebody was faster
            partial.rename(folder)


def prepared(system: AnySystem, card: Card, size: Size, slots: int, device: str = "cpu") -> AnySystem:
    """The system run by onnxruntime; it is exported at most once, into a folder of the user's cache."""
    digest = hashlib.sha256(f"{longtake.__version__} {torch.__version__} {card.preset} {dict(card.options)}".encode())
    for name, tensor in system.state_dict().items():
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    folder = cache() / "onnx" / f"{card.preset}-{size[1]}x{size[0]}-{slots}-{digest.hexdigest()[:16]}"
    if not (folder / FACTS).exists():
        log.info("exporting %s to %s", card.preset, folder)
        export(system, card, folder, size, slots)
    return load(folder, device)[0]


def load(folder: Path, device: str = "cpu") -> tuple[AnySystem, Card]:
    """The system of exported parts, and its card. Raises CheckpointError where a file is missing or damaged."""
    try:
        facts = json.loads((folder / FACTS).read_text())
        card = Card(**{field.name: facts[field.name] for field in dataclasses.fields(Card) if field.name in facts})
        slots, size = facts["slots"], tuple(facts["size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{folder}: no exported model ({error}); make one with: longtake models export"
        ) from error
    with torch.device("meta"):  # whatever needs weights is in the files
        system = preset(card.preset, dict(card.options)).build().eval()
    for part in system.parts:
        setattr(system, part, Part(folder / f"{part}.onnx", size, device))
    system.slots = slots
    return system, card


class Part:
    """A part of a system, run by onnxruntime."""

    def __init__(self, path: Path, size: Size, device: str) -> None:
        """size: of the frames that it is for. Raises CheckpointError where the file is missing or damaged."""
        runner = _import("onnxruntime")
        options = runner.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        wanted = ["CUDAExecutionProvider"] * (device == "cuda") + ["CPUExecutionProvider"]
        providers = [name for name in wanted if name in runner.get_available_providers()]
        try:
            self.session = runner.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # its errors have no common root
            raise CheckpointError(f"{path}: cannot be run ({_first_line(error)}); export the model again") from error
        self.inputs, self.size = self.session.get_inputs(), size

    def __call__(self, *inputs: Tensor | None) -> Any:
        """The part's outputs, on the inputs' device. Raises SettingError where frames have another size."""
        given = [each for each in inputs if each is not None]
        fed = {}
        for tensor, wanted in zip(given, self.inputs, strict=True):
            self._check(tensor, wanted.shape)
            array = tensor.float() if tensor.is_floating_point() else tensor
            fed[wanted.name] = np.ascontiguousarray(array.cpu().numpy())
        outputs = [torch.from_numpy(each).to(given[0].device) for each in self.session.run(None, fed)]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def _check(self, tensor: Tensor, shape: list[int | str]) -> None:
        fixed = [(side, own) for side, own in zip(shape, tensor.shape, strict=True) if isinstance(side, int)]
        if any(side != own for side, own in fixed):
            raise SettingError(
                f"the exported model is for frames of {self.size[1]}x{self.size[0]} pixels on its grid, not for these; "
                "export it again with their --size"
            )


@contextlib.contextmanager
def _fixed(system: AnySystem, slots: int) -> Iterator[None]:
    """The system reads memory as so many frames."""
    before, system.slots = system.slots, slots
    try:
        yield
    finally:
        system.slots = before


def _calls(system: AnySystem, size: Size, objects: int) -> dict[str, tuple[Tensor | None, ...]]:
    """What each part is called with while a few noisy frames are followed."""
    found, run, noise = dict[str, tuple[Tensor | None, ...]](), runtime("cpu", "float32"), np.random.default_rng(0)

    def watched(part: str, call: Call) -> Call:
        def remembered(*inputs: Tensor | None) -> Any:
            found[part] = tuple(None if each is None else each.detach().contiguous().clone() for each in inputs)
            return call(*inputs)

        return remembered

    for part in system.parts:
        setattr(system, part, watched(part, getattr(system, part)))
    try:
        session, ids = Session(system, run=run, short_side=None, keep=0), np.zeros(size, np.uint16)
        for k in range(objects):
            ids[:, k * size[1] // objects : (k + 1) * size[1] // objects - 1] = k + 1
        for time in range(4):
            session.push(noise.integers(0, 255, (*size, 3), dtype=np.uint8), None if time else ids)
    finally:
        for part in system.parts:
            delattr(system, part)
    return found


class _Graph(nn.Module):
    """A part as a module of its own, as the exporter wants it."""

    def __init__(self, system: AnySystem, part: str) -> None:
        super().__init__()
        self.system, self.part = system, part

    def forward(self, *inputs: Tensor | None) -> Any:
        return getattr(self.system, self.part)(*inputs)


def _write(
    system: AnySystem, part: str, few: tuple[Tensor | None, ...], more: tuple[Tensor | None, ...], path: Path
) -> None:
    """A part's file; axes along which calls for fewer and for more objects differ stay free."""
    free = tuple(_free_axes(one, other) for one, other in zip(few, more, strict=True))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter's own, of its own code
        logger = logging.getLogger("torch.onnx")
        before = logger.level
        logger.setLevel(logging.ERROR)
        try:
            module = _Graph(system, part).eval()
            graph = torch.onnx.export(
                module, few, dynamo=True, verbose=False, opset_version=OPSET, dynamic_shapes=(free,)
            )
        finally:
            logger.setLevel(before)
        assert graph is not None
        graph.save(str(path))


def _free_axes(one: Tensor | None, other: Tensor | None) -> dict[int, Any] | None:
    if one is None or other is None:
        return None
    return {k: OBJECTS for k in range(one.ndim) if one.shape[k] != other.shape[k]}


def _import(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), "onnx") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
