"""Notebooks to take along: ``notebooks/*.ipynb`` for JupyterLab, Colab and papermill, and a trial of them.

    python -m bookkit.alone
    python -m bookkit.alone --try solvers guidance

The first writes them. The second runs them as Colab would: a folder with nothing but the notebook, and an environment
that has Jupyter and torch and has never heard of this package; the first cell clones the project and installs it.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from bookkit.notebooks import NOTEBOOKS, read
from bookkit.places import ROOT

GITHUB = "https://github.com/"
# Installed in the checkout, since what was saved in results/ belongs to what a notebook shows. {address} is filled in.
INSTALL = """# In Colab, or wherever the package is missing: PROJECT is its folder, or the address to clone it from.
import importlib.util
import os
import sys

PROJECT = os.environ.get("WSIGEN_PROJECT", "{address}")
if importlib.util.find_spec("wsigen") is None:
    if "://" in PROJECT:
        !git clone -q --depth 1 {{PROJECT}} wsigen-project
        PROJECT = "wsigen-project"
    if not os.path.isfile(f"{{PROJECT}}/pyproject.toml"):
        raise FileNotFoundError(f"no project in {{PROJECT!r}}: write its folder or address into PROJECT")
    %pip install -q -e {{PROJECT}}[metrics,study]
    sys.path.insert(0, os.path.abspath(PROJECT))  # this kernel began before the package was there"""
# What only the book can show, and roles that only it knows.
VIEWER = re.compile(r"```\{(?:slide|frames)\}.*?```", re.DOTALL)
PICTURE = re.compile(r"```\{(?:figure|wipe)\}.*?```", re.DOTALL)
ROLE = re.compile(r"\{doc\}`(?:[^`<]*<)?([^`>]+)>?`")
# What a trial changes beside the seed: a reader plays with the parameters, so no notebook may rest on its defaults.
CHANGED: dict[str, dict[str, Any]] = {
    "exact_diffusion": {"spread": 0.15},
    "fewer_evaluations": {"guided_sigma": 1.0},
    "first_slide": {"mpp": 4.0},
    "grid_shift": {"num_steps": 10},
    "guidance": {"marked": 20},
    "reader_study": {"shared": 0.5},
    "resolution": {"num_steps": 10},
    "solvers": {"solvers": "euler 2m"},
    "speed_and_scale": {"num_steps": 10},
    "training": {"scale": "uniform"},
    "whole_slide": {"show_neighbours": False},
}


def to_take_along(notebook: nbformat.NotebookNode, address: str = "..") -> nbformat.NotebookNode:
    """With a cell that installs the package where it is missing, as in Colab, and without what only the book shows."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = VIEWER.sub(
                "*(The book has a viewer here. Its files are in the folder `out`.)*", cell.source
            )
            text = PICTURE.sub("*(The book has a picture here.)*", text)
            cell.source = ROLE.sub(r"`\1`", text)
    install = nbformat.v4.new_code_cell(INSTALL.format(address=address), id="install")
    notebook.cells.insert(1, install)
    return notebook


def launch_badge(name: str, address: str) -> nbformat.NotebookNode | None:
    """A button that opens a notebook in Colab, once the project lies on GitHub for everybody; until then none."""
    project = address.removeprefix(GITHUB).removesuffix(".git").strip("/")
    if not address.startswith(GITHUB) or project.count("/") != 1:
        return None
    place = f"https://colab.research.google.com/github/{project}/blob/main/notebooks/{name}"
    button = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    return nbformat.v4.new_markdown_cell(f"{button}({place})", id="launch")


def address_of_project() -> str:
    """Where others can clone this project from; the folder above the notebooks while it has no public address."""
    git = ["git", "-C", str(ROOT), "remote", "get-url", "origin"]
    try:
        found = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ".."
    return found if found.startswith("https://") and "@" not in found else ".."


def write(sources: list[Path], address: str) -> Iterator[Path]:
    """Write the notebooks beside their sources."""
    for source in sources:
        target = source.with_suffix(".ipynb")
        page, badge = to_take_along(read(source), address), launch_badge(target.name, address)
        page.cells[:0] = [badge] if badge else []
        nbformat.write(page, target)
        yield target


def bare_environment(folder: Path) -> Path:
    """An environment as Colab has one, with Jupyter, papermill and torch, at the versions that are pinned here.

    Returns:
        Its Python.
    """
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    pins = (ROOT / "constraints.txt").read_text("utf-8")
    torch = re.search(r"^torch==\S+", pins, re.MULTILINE)
    assert torch is not None
    pinned = ["-c", str(ROOT / "constraints.txt"), "ipykernel", "papermill", torch[0]]
    subprocess.run([*pip, *pinned], check=True, env=outside(), capture_output=True)
    return python


def outside(*folders: Path) -> dict[str, str]:
    """The variables of a process that knows nothing of this checkout; ``folders`` lead its search path."""
    ours = ("PYTHONPATH", "WSIGEN_PROJECT", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return kept | {"PATH": os.pathsep.join([*map(str, folders), kept.get("PATH", "")])}


def trial(source: Path, folder: Path, python: Path, address: str) -> float:
    """Run a notebook with plain papermill in a folder of its own; returns the seconds it took.

    Raises:
        CalledProcessError: it failed; its output has the reason.
    """
    folder.mkdir(exist_ok=True)
    nbformat.write(to_take_along(read(source), address), folder / source.with_suffix(".ipynb").name)
    changed = {"seed": 1, **CHANGED[source.stem]}
    given = [part for name, value in changed.items() for part in ("-p", name, str(value))]
    command = [str(python), "-m", "papermill", f"{source.stem}.ipynb", f"{source.stem}_out.ipynb"]
    began = time.monotonic()
    subprocess.run(
        [*command, *given, "--no-progress-bar", "--log-level", "WARNING"], cwd=folder, env=outside(python.parent),
        check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return time.monotonic() - began


def try_all(sources: list[Path]) -> int:
    """Try notebooks one after the other in one environment; returns how many failed."""
    failed = 0
    with tempfile.TemporaryDirectory(prefix="alone") as folder:
        python = bare_environment(Path(folder) / "env")
        for source in sources:
            place = Path(folder) / "content"
            try:
                seconds = trial(source, place, python, ROOT.as_uri())
                print(f"{source.stem} ran ({seconds:.0f} s)", flush=True)
            except subprocess.CalledProcessError as error:
                failed += 1
                print(f"{source.stem} failed:\n{error.output[-3000:]}", file=sys.stderr, flush=True)
    print(f"{len(sources) - failed} passed, {failed} failed")
    return failed


def main(arguments: list[str] | None = None) -> int:
    """Write the notebooks, or try them; 1 where one failed."""
    parser = argparse.ArgumentParser(prog="python -m bookkit.alone", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="these notebooks; all by default")
    parser.add_argument("--address", help="where the notebooks clone the project from")
    parser.add_argument("--try", action="store_true", dest="trial", help="run them as Colab would")
    chosen = parser.parse_args(arguments)
    sources = sorted(NOTEBOOKS.glob("*.py"))
    sources = [source for source in sources if not chosen.names or source.stem in chosen.names]
    if chosen.trial:
        return min(1, try_all(sources))
    for page in write(sources, chosen.address or address_of_project()):
        print(page.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
