"""What a pack costs and gives: size, seconds to pack and to open, patches per second beside the slides themselves.

    python benchmarks/pack.py --cohort COHORT.csv --out benchmarks/results/pack.json

Patches number 0 to N are drawn from the slides and from the pack, compared, and timed in turn, in one process. A cohort
is open when a sampler can be asked; what is left to decode then is decoded by ``load``, in threads.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from saving import report

from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.pack import write_pack
from wsigen.cohorts.patches import PatchSampler, open_sources
from wsigen.provenance import run_info

T = TypeVar("T")


def timed(action: Callable[[], T]) -> tuple[float, T]:
    """Seconds that it took, and what came of it."""
    began = time.perf_counter()
    result = action()
    return round(time.perf_counter() - began, 2), result


def open_sampler(cohort: Path, patch_px: int) -> PatchSampler:
    """From the name of a cohort to something that draws patches."""
    return PatchSampler(open_sources(read_cohort(cohort)), patch_px)


def main() -> None:
    """Measure and write one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--patch-px", type=int, default=64)
    parser.add_argument("--patches", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    entries = read_cohort(arguments.cohort)
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / "cohort.pack"
        seconds, _ = timed(lambda: list(write_pack(entries, packed)))
        result = {
            "slides": len(entries),
            "files_mb": round(sum(e.path.stat().st_size for e in entries) / 1e6, 1),
            "pack_mb": round(packed.stat().st_size / 1e6, 1),
            "seconds_to_pack": seconds,
        }
        samplers = {}
        for name, cohort in (("pack", packed), ("slides", arguments.cohort)):
            opened, samplers[name] = timed(
                lambda cohort=cohort: open_sampler(cohort, arguments.patch_px)
            )
            loaded, _ = timed(samplers[name].load)
            result[name] = {"seconds_to_open": opened, "seconds_to_load": loaded}
            for number in range(200):  # what is found out once for each slide
                samplers[name].patch(number)
        rates: dict[str, list[float]] = {name: [] for name in samplers}
        equal = 0
        for first in range(0, arguments.patches * arguments.rounds, arguments.patches):
            numbers = range(first, first + arguments.patches)
            drawn = {}
            for name, sampler in samplers.items():
                spent, drawn[name] = timed(lambda s=sampler, n=numbers: [s.patch(i) for i in n])
                rates[name].append(round(arguments.patches / spent, 1))
            equal += sum(
                a[1] == b[1] and np.array_equal(a[0], b[0])
                for a, b in zip(drawn["pack"], drawn["slides"], strict=True)
            )
        for name, found in rates.items():
            result[name]["patches_per_second"] = found
        result["patches_compared"] = arguments.patches * arguments.rounds
        result["patches_equal"] = equal
    shown = {"cohort": arguments.cohort.name, "patch_px": arguments.patch_px}
    info = run_info(**shown, patches=arguments.patches, rounds=arguments.rounds)
    info["command"] = ["benchmarks/pack.py"]  # the paths of this machine are nobody's business
    result["run"] = info
    report(result, arguments.out, indent=2)


if __name__ == "__main__":
    main()
