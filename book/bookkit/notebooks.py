"""Run the text notebooks: jupytext in memory, papermill, and nothing that is up to date already.

    python -m bookkit.notebooks --profile smoke

A run is named by a key over the notebook's source, its parameters, the package, the pins and its inputs. It is kept
in ``book/executed`` as ``<name>.ipynb``, with ``<name>.run.json`` (the key, and what made it) beside it. Files that a
notebook saves lie in the folder ``<name>``. A notebook that fails leaves no page behind.
"""

import argparse
import ast
import hashlib
import json
import multiprocessing
import os
import re
import resource
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import jupytext
import nbformat

from bookkit.kernels import START_SECONDS, own_folders, prepare_caches
from bookkit.places import EXECUTED, NOTEBOOKS, PROFILES, ROOT
from wsigen.cohorts.cohort import PHANTOM, by_name
from wsigen.errors import WsigenError
from wsigen.provenance import run_info, without_folder

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
COLOUR = re.compile(r"\x1b\[[\d;]*m")
SHOW = {
    "save",
    "write_frames",
    "Markdown",
    "Image",
    "Shown",
}  # calls that show or keep what other cells made
KEEP = {"save", "write_frames"}  # of these, what may stand below assignments
PREPARE = 3  # assignments before a figure that fold with it
SECONDS_PER_NOTEBOOK = {"smoke": 900, "classroom": 3600, "paper": 7 * 24 * 3600}


def read(source: Path) -> nbformat.NotebookNode:
    """A text notebook without outputs; its cells are numbered, so that reading it twice gives the same."""
    notebook = jupytext.read(source)
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    notebook.nbformat_minor = 5
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    return notebook


def parameters_of(source: Path, wanted: dict[str, Any], optional: dict[str, Any]) -> dict[str, Any]:
    """What to hand to a notebook: all of ``wanted``, and of ``optional`` what it takes.

    Raises:
        WsigenError: the notebook has no parameter of a wanted name.
    """
    import papermill

    EXECUTED.mkdir(parents=True, exist_ok=True)
    copy = EXECUTED / f".{source.stem}.source.ipynb"
    nbformat.write(read(source), copy)
    try:
        known = papermill.inspect_notebook(str(copy))
    finally:
        copy.unlink()
    for name in wanted:
        if name not in known:
            raise WsigenError(
                f"{source.name} has no parameter {name!r}; expected one of {', '.join(known) or 'none'}: "
                "name it in the cell tagged parameters"
            )
    return {name: value for name, value in (optional | wanted).items() if name in known}


def inputs(cohort: str) -> Iterator[Path]:
    """All files but the notebook itself that a run may depend on, in order."""
    yield ROOT / "constraints.txt"
    yield from sorted((ROOT / "wsigen").rglob("*.py"))
    yield from sorted((ROOT / "wsigen" / "models").glob("*"))
    for folder in ("results", "benchmarks/results"):
        yield from sorted((ROOT / folder).rglob("*.json"))
    if (
        cohort != PHANTOM and by_name(Path(cohort)).is_file()
    ):  # phantoms are drawn by the package above
        yield by_name(Path(cohort))


def key_of(source: Path, parameters: dict[str, Any], files: Iterable[Path]) -> str:
    """SHA-256 over all that a run depends on."""
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    for path in [source, *files]:
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_current(name: str, key: str) -> bool:
    """Whether the run at hand is the one of this key."""
    note, page = EXECUTED / f"{name}.run.json", EXECUTED / f"{name}.ipynb"
    return note.is_file() and page.is_file() and json.loads(note.read_text("utf-8"))["key"] == key


def run(source: Path, parameters: dict[str, Any], key: str, seconds: int) -> str | None:
    """Run one notebook; returns None, or the end of the traceback."""
    import papermill

    name, began, used = source.stem, time.monotonic(), cpu_seconds()
    temporary, start = EXECUTED / f".{name}.ipynb", EXECUTED / f".{name}.start.ipynb"
    nbformat.write(read(source), start)
    try:
        with own_folders() as settings:
            papermill.execute_notebook(
                str(start), str(temporary), parameters, kernel_name=KERNEL["name"], cwd=str(ROOT),
                progress_bar=False, log_output=False, execution_timeout=seconds,
                start_timeout=START_SECONDS, config=settings,
            )  # fmt: skip
    except Exception as error:  # whatever it is, it belongs to the notebook
        lines = getattr(error, "traceback", None) or [f"{type(error).__name__}: {error}"]
        return COLOUR.sub("", "\n".join("\n".join(lines).splitlines()[-15:]))
    else:
        shown = {name: without_folder(value) for name, value in parameters.items()}
        page = cleaned(nbformat.read(temporary, 4))
        hide_folders(page, parameters, shown)
        nbformat.write(page, temporary)
        note = {
            "notebook": f"notebooks/{source.name}",
            "key": key,
            "parameters": shown,
            "seconds": round(time.monotonic() - began, 1),
            "cpu_seconds": round(cpu_seconds() - used, 1),
            "info": run_info(),
        }
        (EXECUTED / f"{name}.run.json").write_text(json.dumps(note, indent=1) + "\n", "utf-8")
        temporary.replace(EXECUTED / f"{name}.ipynb")
        return None
    finally:
        temporary.unlink(missing_ok=True)
        start.unlink(missing_ok=True)


def hide_folders(
    notebook: nbformat.NotebookNode, given: dict[str, Any], shown: dict[str, Any]
) -> None:
    """In the cell that papermill put in, name files as the note does: where they lay is nobody else's business."""
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            for name, value in given.items():
                cell.source = cell.source.replace(f'"{value}"', f'"{shown[name]}"')


def seconds_of(name: str) -> float:
    """What a run took by itself, as its note says."""
    note = json.loads((EXECUTED / f"{name}.run.json").read_text("utf-8"))
    return float(note["seconds"])


def cpu_seconds() -> float:
    """What the kernels that have ended took of the processor, whatever else it had to do."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def cleaned(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Without times and names of cells, so that two runs of the same are the same."""
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        tags = cell.metadata.get("tags", [])
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        if not tags:
            cell.metadata.pop("tags", None)
        if alt := alt_of(cell):
            cell.metadata.mystnb = {"image": {"alt": alt}}  # where the build looks for it
        # Parameters that papermill put in are repeated below the defaults: readers need to see them once.
        if "injected-parameters" in tags or folds(cell):
            cell.metadata.tags = [*tags, "hide-input"]
    return notebook


def folds(cell: nbformat.NotebookNode) -> bool:
    """Whether a cell is imports, or only shows what others made: a figure with its words, or a table."""
    named = "parameters" in cell.metadata.get("tags", [])
    if cell.cell_type != "code" or named or cell.source.startswith(("%", "!")):
        return False
    body = ast.parse(cell.source).body
    if any(isinstance(part, (ast.Import, ast.ImportFrom)) for part in body):
        return True
    if not body:
        return False
    *before, last = body
    prepares = all(isinstance(part, ast.Assign) for part in before) and len(before) <= PREPARE
    return all(called(part) in SHOW for part in body) or (prepares and called(last) in KEEP)


def called(part: ast.stmt) -> str | None:
    """The function that a statement calls and does nothing else, but for naming what comes back."""
    if isinstance(part, ast.Expr | ast.Assign) and isinstance(part.value, ast.Call):
        return getattr(part.value.func, "id", None)
    return None


def alt_of(cell: nbformat.NotebookNode) -> str | None:
    """The words that a cell's picture came with."""
    for output in cell.get("outputs", []):
        for kind, told in output.get("metadata", {}).items():
            if kind.startswith("image/") and "alt" in told:
                return str(told["alt"])
    return None


def run_all(
    sources: list[Path], profile: str, cohort: str, given: dict[str, Any], workers: int
) -> Iterator[tuple[str, str]]:
    """Run what is not up to date; yields (name, what happened) and raises WsigenError at the end if one failed."""
    files, failed = list(inputs(cohort)), []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        waiting = {}
        for source in sources:
            wanted = {"profile": profile, **given}
            out = f"book/executed/{source.stem}"
            parameters = parameters_of(source, wanted, {"cohort": cohort, "out": out})
            key = key_of(source, parameters, files)
            if is_current(source.stem, key):
                yield source.stem, "is up to date"
                continue
            shutil.rmtree(EXECUTED / source.stem, ignore_errors=True)
            seconds = SECONDS_PER_NOTEBOOK[profile]
            waiting[pool.submit(run, source, parameters, key, seconds)] = source.stem
        for done in as_completed(waiting):
            problem = done.result()
            if problem:
                failed.append(f"notebooks/{waiting[done]}.py failed:\n{problem}")
            yield (
                waiting[done],
                "failed" if problem else f"ran in {seconds_of(waiting[done]):.0f} s",
            )
    if failed:
        raise WsigenError("\n\n".join(failed))


def draft(sources: list[Path]) -> None:
    """Put notebooks that were never run into the book without outputs, to look at text only."""
    EXECUTED.mkdir(parents=True, exist_ok=True)
    for source in sources:
        if not (EXECUTED / f"{source.stem}.run.json").is_file():
            nbformat.write(read(source), EXECUTED / f"{source.stem}.ipynb")


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; 2 where a notebook failed."""
    parser = argparse.ArgumentParser(prog="python -m bookkit.notebooks", description=__doc__)
    parser.add_argument("--profile", choices=list(PROFILES), default="smoke")
    parser.add_argument("--cohort", default=os.environ.get("WSIGEN_COHORT") or "sample")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="these notebooks")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--draft", action="store_true", help="run nothing; pages without outputs")
    chosen = parser.parse_args(arguments)
    sources = sorted(NOTEBOOKS.glob("*.py"))
    if chosen.only:
        sources = [source for source in sources if source.stem in chosen.only]
    if chosen.draft:
        draft(sources)
        return 0
    # One thread for each of the notebooks that run side by side, and what hashing may not change.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", PYTHONHASHSEED="0")
    prepare_caches(ROOT / "_build" / "cache")
    began = time.monotonic()
    try:
        for name, what in run_all(sources, chosen.profile, chosen.cohort, {}, chosen.workers):
            print(f"{name} {what}", flush=True)
        print(f"all notebooks: {time.monotonic() - began:.0f} s", flush=True)
    except WsigenError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
