"""Is an object found again that was hidden for ten frames and returns elsewhere? On the clips of tools/overfit.py.

    python tools/returns.py OUT [--model OUT/run/model.safetensors] [--pictures FOLDER]

Of each clip the first four frames are as they were; then the object is painted out for ten; then, for six frames more,
it is pasted onto what was painted, moved to the side with more room. Printed is J of the hidden frames (1 where nothing
is found) and of those after the return; the exit status is 1 where an object is not found again (J of 0.5 at the end).
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from longtake import Session
from longtake.systems.models import load

SEEN, HIDDEN, BACK = 4, 10, 6
FOUND = 0.5


def frames(data: Path, name: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Images and masks of a clip."""
    folders = (data / "JPEGImages/480p" / name, data / "Annotations/480p" / name)
    images, masks = (sorted(folder.iterdir()) for folder in folders)
    pairs = zip(images, masks, strict=True)
    return [(np.asarray(Image.open(image).convert("RGB")), np.asarray(Image.open(mask)) > 0) for image, mask in pairs]


def without(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image with the object painted out."""
    around = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8))
    return cv2.inpaint(image, around, 5, cv2.INPAINT_TELEA)


def moved(image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The object pasted elsewhere: to the edge of the side with more room."""
    columns = np.flatnonzero(mask.any(axis=0))
    left, right = int(columns[0]), mask.shape[1] - 1 - int(columns[-1])
    step = right - 4 if right > left else 4 - left
    there = np.roll(mask, step, axis=1)
    return np.where(there[..., None], np.roll(image, step, axis=1), without(image, mask)), there


def returning(clip: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The clip in which the object hides and returns."""
    nowhere = np.zeros_like(clip[0][1])
    hidden = [(without(image, mask), nowhere) for image, mask in clip[SEEN : SEEN + HIDDEN]]
    return clip[:SEEN] + hidden + [moved(*pair) for pair in clip[SEEN + HIDDEN : SEEN + HIDDEN + BACK]]


def region(found: np.ndarray, truth: np.ndarray) -> float:
    """J; 1 where both are empty."""
    either = (found | truth).sum()
    return float((found & truth).sum() / either) if either else 1.0


def main() -> None:
    """Follow every clip's object, and say whether it was found again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--pictures", type=Path)
    given = parser.parse_args()
    system, _ = load(str(given.model or given.out / "run/model.safetensors"))
    lost = 0
    for folder in sorted((given.out / "data/JPEGImages/480p").iterdir()):
        clip, session, values = returning(frames(given.out / "data", folder.name)), Session(system), list[float]()
        for number, (image, truth) in enumerate(clip):
            prediction = session.push(image, truth.astype(np.uint16) if number == 0 else None)
            values.append(region(prediction.labels > 0, truth))
            if given.pictures:
                given.pictures.mkdir(parents=True, exist_ok=True)
                shown = np.where((prediction.labels > 0)[..., None], image // 2 + np.uint8([0, 127, 0]), image)
                Image.fromarray(shown).save(given.pictures / f"{folder.name}-{number:02d}.png")
        parts = [values[1:SEEN], values[SEEN : SEEN + HIDDEN], values[SEEN + HIDDEN :]]
        seen, hidden, back = (sum(part) / len(part) for part in parts)
        print(f"{folder.name}: J {seen:.3f} seen, {hidden:.3f} hidden, {back:.3f} back, {values[-1]:.3f} at the end")
        lost += values[-1] < FOUND
    sys.exit(lost > 0)


if __name__ == "__main__":
    main()
