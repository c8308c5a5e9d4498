"""Bundle a run's model as float16, with its card: python tools/bundle.py RUN/model.safetensors CARD.yaml NAME."""

import sys
from pathlib import Path

import yaml

import longtake
from longtake.systems.checkpoint import Card, read_card, read_weights, save_checkpoint


def main() -> None:
    """Write src/longtake/weights/NAME.safetensors."""
    weights, card, name = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    trained = read_card(weights)
    words = yaml.safe_load(card.read_text())
    options = {**trained.options, **words.pop("options", {})}
    described = Card(preset=trained.preset, options=options, **words)
    out = Path(longtake.__file__).parent / "weights" / f"{name}.safetensors"
    out.parent.mkdir(exist_ok=True)
    save_checkpoint(out, read_weights(weights), described, half=True)
    sys.stdout.write(f"{out}: {out.stat().st_size / 1e6:.1f} MB\n")


if __name__ == "__main__":
    main()
