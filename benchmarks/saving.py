"""How benchmarks begin and end: one parser; and one JSON object with what made it, printed and written."""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from wsigen.provenance import run_info

T = TypeVar("T")


class Spent(NamedTuple):
    """Seconds that went by, and seconds of the processor over all threads of this process."""

    seconds: float
    cpu: float


def timed(work: Callable[[], T]) -> tuple[Spent, T]:
    """What some work took, and what came of it."""
    began, cpu = time.perf_counter(), time.process_time()
    result = work()
    return Spent(time.perf_counter() - began, time.process_time() - cpu), result


def peak_mib() -> float:
    """Most memory this process was resident in so far, mapped files included."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def parser(doc: str) -> argparse.ArgumentParser:
    """A parser with the first line of a module's docstring, and ``--out``."""
    return _with_out(argparse.ArgumentParser(description=doc.splitlines()[0]))


def parsers(
    doc: str, *names: str
) -> tuple[argparse.ArgumentParser, Sequence[argparse.ArgumentParser]]:
    """A parser whose first word, ``measure``, says which of several things is measured; and a parser for each."""
    made = argparse.ArgumentParser(description=doc.splitlines()[0])
    measures = made.add_subparsers(dest="measure", required=True)
    return made, [_with_out(measures.add_parser(name)) for name in names]


def _with_out(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
    made.add_argument("--out", type=Path, help="Save the figures as JSON.")
    return made


def finish(result: dict[str, Any], arguments: argparse.Namespace, *, device: str = "cpu") -> None:
    """Say what made a result, print it, and write it where ``--out`` names a file."""
    kept = {n: v for n, v in vars(arguments).items() if n not in ("out", "device", "measure")}
    stated = {name: value for name, value in kept.items() if value not in (None, False)}
    report(result | {"run": run_info(device, **stated)}, arguments.out)


def report(result: dict[str, Any], out: Path | None, *, indent: int = 1) -> None:
    """Print a result, and write it where ``out`` names a file."""
    print(json.dumps(result, indent=indent))
    save(result, out, indent=indent)


def save(result: dict[str, Any], out: Path | None, *, indent: int = 1) -> None:
    """Write a result where ``out`` names a file; its folder is made."""
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(result, indent=indent) + "\n")


def rounded(value: Any) -> Any:
    """Numbers to four digits: more is noise."""
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [rounded(entry) for entry in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
