"""Score every system on longtake-synth, and tell whether their order is that of the seed.

    python tools/synth_ranks.py score OUT MODELS [--seeds 1 2 3 4 5] [--only NAME ...] [--threads 1]
    python tools/synth_ranks.py keep OUT
    python tools/synth_ranks.py write

MODELS: a folder of NAME/model.safetensors; the bundled models come with longtake. `score` goes on where it was stopped,
and several may run at once with models of their own; `keep` gathers what is scored in docs/synth.json; `write` puts the
tables of that file into docs/synth.md, and measures nothing.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

SYSTEMS = {
    "stm-1": "STM",
    "ddmemory-1": "DDMemory",
    "dtmnet-1": "DTMNet",
    "lstnet-1": "LSTNet",
    "dmn-aoa-1": "DMN-AOA",
    "stm-mobilenet-v2": "STM, bundled (default)",
    "stm-mobilenet-v2-products": "STM, bundled (products)",
}
SEEDS = (1, 2, 3, 4, 5)


def call(threads: int, *words: object) -> float:
    """Run a command of longtake; seconds of processor time that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    subprocess.run([sys.executable, "-m", "longtake", *map(str, words)], check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def score(out: Path, models: Path, seeds: list[int], names: list[str], threads: int) -> None:
    """Everything that is not scored yet, seed by seed."""
    for seed in seeds:
        clips = out / f"clips-{seed}"
        if not clips.is_dir():
            call(threads, "synth", clips, "--seed", seed)
        for name in names:
            run = out / f"{name}-{seed}"
            if (run / "seconds.json").exists():
                continue
            own = models / name / "model.safetensors"
            words = ["--model", own if own.exists() else name, "--precision", "float32", "--out", run]
            seconds = call(threads, "benchmark", clips, "--dataset", "longtake-synth", *words)
            (run / "seconds.json").write_text(json.dumps({"processor": seconds, "threads": threads}) + "\n")


def main() -> None:
    """Score, keep or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    first = verbs.add_parser("score")
    first.add_argument("out", type=Path)
    first.add_argument("models", type=Path)
    first.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    first.add_argument("--only", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS))
    first.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    score(given.out, given.models, given.seeds, given.only, given.threads)


if __name__ == "__main__":
    main()
