"""A study folder: slides that look alike from outside, in a random order for each reader, and the key apart from them.

DIR/config.json     the Study: what is shown; nothing in it tells real from synthetic
DIR/slides/*.tiff   one file per slide under a random name
DIR/key.csv         which slide is real; only `export` and `report` open it
DIR/ratings.sqlite  readers and every step they took, see `store`
"""

import csv
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.entry import Entry
from wsigen.cohorts.identity import twins
from wsigen.errors import WsigenError
from wsigen.outputs import check_place, same_file
from wsigen.provenance import run_info
from wsigen.seeds import generator
from wsigen.slides.slide import Slide
from wsigen.study.encode import COARSER, Format, level_files, reencode

CONFIG, KEY, SLIDES, RATINGS = "config.json", "key.csv", "slides", "ratings.sqlite"
INFO, REPORT = "run_info.json", "report"
OWN = (CONFIG, INFO, RATINGS, SLIDES, REPORT)  # of DIR: what a study writes there, beside the key
CLASSES = ("real", "synthetic")
SYNTHETIC_MARK = '"SYNTHETIC": true'  # in what our files say of themselves
PHANTOM_MARK = re.compile(r'"generator": "wsigen [^" ]+ phantom"')
RESAMPLE = 1.1  # the study's mpp over the coarsest slide's, so that every slide is resampled


@dataclass(frozen=True)
class Study:
    """What readers are shown.

    Args:
        seed: names the choice of slides and each reader's order.
        n: slides of each class that count.
        height, width: size of every slide in pixels.
        mpp: micrometre per pixel of every slide.
        tile_px, quality: tile side and JPEG quality of every slide.
        practice: names of the two slides to practise on, which do not count.
        slides: names of the 2 n slides that count, in alphabetical order.
    """

    seed: int
    n: int
    height: int
    width: int
    mpp: float
    tile_px: int
    quality: int
    practice: tuple[str, ...]
    slides: tuple[str, ...]

    def order(self, reader: int) -> tuple[str, ...]:
        """What the reader with this number sees: the practice slides, then the others in the reader's own order."""
        places = generator(self.seed, "order", reader).permutation(len(self.slides))
        return (*self.practice, *(self.slides[place] for place in places))


@dataclass(frozen=True)
class Encoded:
    """One slide done, of ``total``; or left out, and then ``skipped`` says why."""

    done: int
    total: int
    skipped: str = ""


def create_study(
    folder: Path,
    *,
    real: Path,
    synthetic: Path,
    n: int = 20,
    seed: int = 0,
    mpp: float | None = None,
    height: int | None = None,
    width: int | None = None,
    tile_px: int = 256,
    quality: int = 90,
    key: Path | None = None,
    allow_phantoms: bool = False,
) -> Iterator[Encoded]:
    """Make a study of ``n`` real and ``n`` synthetic slides, and one of each to practise on; yields after each slide.

    Args:
        folder: made; it must not hold anything yet.
        real, synthetic: folders of slides (or cohort.csv files), from which ``n + 1`` are drawn each.
        n, seed, tile_px, quality: see `Study`.
        mpp: micrometre per pixel, by default 1.1 times that of the coarsest slide drawn.
        height, width: pixels, by default the largest multiple of ``tile_px`` that fits into every slide drawn.
        key: where the labels go, by default ``folder/key.csv``.
        allow_phantoms: let drawn phantoms stand for real slides, to practise holding a study.

    Raises:
        WsigenError: too few readable slides, a slide that is real and synthetic, a folder in use. After an error or
            Ctrl-C what was made is removed.
    """
    if n < 1:
        raise WsigenError(f"n is {n}; expected at least 1 slide of each class")
    key = key or folder / KEY
    check_new(folder, key, OWN)
    for name, side in (("height", height), ("width", width), ("mpp", mpp)):
        if side is not None and not side > 0:
            raise WsigenError(f"--{name} is {side:g}; expected more than 0")
    if tile_px < 16 or tile_px % 16:
        raise WsigenError(f"--tile-px is {tile_px}; expected a multiple of 16")
    sources = dict(zip(CLASSES, (real, synthetic), strict=True))
    total = 2 * (n + 1)
    queues: dict[str, list[Entry]] = {}
    found: dict[str, list[tuple[float, float, float]]] = {}
    for label, source in sources.items():
        entries = read_cohort(source)
        order = generator(seed, "choose", label).permutation(len(entries))
        queues[label] = []
        shapes = found[label] = []
        for entry in (entries[place] for place in order):
            try:
                shapes.append(_shape(entry, label, allow_phantoms))
            except WsigenError as error:
                yield Encoded(0, total, str(error))
                continue
            queues[label].append(entry)
        if len(shapes) <= n:
            raise _too_few(source, len(shapes), n)
    check_distinct(*queues.values())

    drawn = [shape for shapes in found.values() for shape in shapes[: n + 1]]
    mpp = mpp or float(f"{RESAMPLE * max(shape[0] for shape in drawn):.4g}")
    _check_scale(sources, found, mpp, n)
    form = Format(
        height=height or int(min(shape[1] for shape in drawn) / mpp) // tile_px * tile_px,
        width=width or int(min(shape[2] for shape in drawn) / mpp) // tile_px * tile_px,
        mpp=mpp,
        tile_px=tile_px,
        quality=quality,
    )
    if min(form.height, form.width) < tile_px:
        raise WsigenError(
            f"the smallest slide is less than a tile of {tile_px} px at {mpp:g} um/px; leave it out"
        )
    for label, source in sources.items():
        _check_large(source, found[label], form, n)
    with ExitStack() as undo:
        for place in (folder / SLIDES, key.parent):
            make_folder(place, undo)
        undo.callback(shutil.rmtree, folder / SLIDES, ignore_errors=True)
        rows: list[dict[str, str]] = []
        # The two classes are written in a mixed order that the seed does not tell, as it does not tell the names.
        labels = [label for label in CLASSES for _ in range(n + 1)]
        secrets.SystemRandom().shuffle(labels)
        for label in labels:
            part = "rated" if any(row["label"] == label for row in rows) else "practice"
            while True:
                if not queues[label]:
                    raise _too_few(sources[label], sum(row["label"] == label for row in rows), n)
                entry = queues[label].pop(0)
                name = secrets.token_hex(8)
                try:
                    with entry.open() as slide:
                        random = generator(seed, "encode", label, len(rows))
                        reencode(slide, folder / SLIDES / f"{name}.tiff", form, random)
                    break
                except WsigenError as error:
                    yield Encoded(len(rows), total, str(error))
            rows.append({"slide": name, "label": label, "part": part, "source": entry.path.name})
            yield Encoded(len(rows), total)
        level_files((folder / SLIDES).iterdir())
        rows.sort(key=lambda row: row["slide"])
        names = {
            part: tuple(r["slide"] for r in rows if r["part"] == part)
            for part in ("practice", "rated")
        }
        study = Study(
            seed=seed, n=n, practice=names["practice"], slides=names["rated"], **asdict(form)
        )
        write_key(key, rows, undo)
        info = run_info(
            real=str(real), synthetic=str(synthetic), n=n, seed=seed, allow_phantoms=allow_phantoms
        )
        for name, values in ((INFO, info), (CONFIG, asdict(study))):
            undo.callback((folder / name).unlink, missing_ok=True)
            (folder / name).write_text(json.dumps(values, indent=2))
        undo.pop_all()


def load_study(folder: Path) -> Study:
    """Read DIR/config.json, and nothing else."""
    try:
        values: dict[str, Any] = json.loads((folder / CONFIG).read_text("utf-8"))
        values |= {name: tuple(values[name]) for name in ("practice", "slides")}
        return Study(**values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WsigenError(
            f"{folder}: no study ({type(error).__name__} in {CONFIG}); make one with `wsigen study create`"
        ) from error


def check_new(folder: Path, key: Path, own: Sequence[str]) -> None:
    """Raise WsigenError where a folder cannot be made and filled, or a key not written: nothing is replaced.

    Args:
        folder: to be made.
        key: the file of the labels.
        own: names of what else is written to the folder, now or later.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WsigenError(f"{folder}: not an empty folder; name one that does not exist yet")
    check_place(folder.absolute())
    check_place(key.absolute().parent)
    if key.exists():
        raise WsigenError(f"{key}: exists already; name another file for the key")
    for place in (key, *key.absolute().parents):
        for name in own:
            if same_file(place, folder / name):
                raise WsigenError(
                    f"{key}: {name} of {folder} is written there; name another file for the key, such as "
                    f"{folder / KEY}"
                )
    if any(same_file(key, place) for place in (folder, *folder.absolute().parents)):
        raise WsigenError(
            f"{key}: is to be a folder; name a file for the key, such as {folder / KEY}"
        )


def read_key(path: Path, name: str = "slide") -> dict[str, dict[str, str]]:
    """The key: the column ``name`` to its row, with at least ``label`` (real or synthetic) and ``source``."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = {row[name]: row for row in csv.DictReader(file)}
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise WsigenError(
            f"{path}: not the key of a study ({type(error).__name__}); say where it is with --key"
        ) from error
    if not rows or {row.get("label") for row in rows.values()} != set(CLASSES):
        raise WsigenError(f"{path}: expected the labels real and synthetic; is it the study's key?")
    return rows


def _shape(entry: Entry, label: str, allow_phantoms: bool) -> tuple[float, float, float]:
    """(mpp, height in um, width in um) of a slide; a slide that calls itself synthetic is refused among the real."""
    with entry.open() as slide:
        if label == "real":
            check_real(slide, allow_phantoms)
        return slide.mpp, slide.height * slide.mpp, slide.width * slide.mpp


def check_real(slide: Slide, allow_phantoms: bool) -> None:
    """Raise WsigenError where a slide given as real says that it is synthetic."""
    described = slide.properties.get("tiff.ImageDescription", "")
    phantom = PHANTOM_MARK.search(described) is not None
    if SYNTHETIC_MARK in described and not (phantom and allow_phantoms):
        way_out = "; say --allow-phantoms if it shall stand for one" if phantom else ""
        raise WsigenError(
            f"{slide.path}: says it is synthetic, but was given as real{way_out}; left out"
        )


def make_folder(folder: Path, undo: ExitStack) -> None:
    """Make a folder and those above it that are missing; ``undo`` removes those made, where they are empty."""
    folder = folder.absolute()
    for place in reversed((folder, *folder.parents)):
        if not place.is_dir():
            place.mkdir(exist_ok=True)
            undo.callback(_remove_empty, place)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def check_distinct(real: Sequence[Entry], synthetic: Sequence[Entry]) -> None:
    """Raise WsigenError where one slide, by its path or its content, was given as real and as synthetic."""
    entries, paths = [*real, *synthetic], {entry.path for entry in real}
    both = {number for number, first in twins(entries).items() if first < len(real) <= number}
    for number, entry in enumerate(synthetic, start=len(real)):
        if number in both or entry.path in paths:
            raise WsigenError(
                f"{entry.path}: given as real and as synthetic, and a slide is one of them; take it out of one list"
            )


def write_key(path: Path, rows: Sequence[Mapping[str, Any]], undo: ExitStack) -> None:
    """Write the labels where only the owner may read them; ``undo`` removes them."""
    number = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    undo.callback(path.unlink, missing_ok=True)
    with open(number, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _too_few(source: Path, found: int, n: int) -> WsigenError:
    fewer = f" or say --n {found - 1}" if found > 1 else ""
    return WsigenError(
        f"{source}: {found} usable slides, expected {n + 1} ({n} that count, one to practise on); add slides{fewer}"
    )


def _check_scale(
    sources: Mapping[str, Path],
    found: Mapping[str, Sequence[tuple[float, float, float]]],
    mpp: float,
    n: int,
) -> None:
    """Raise WsigenError where too few slides are as fine as the study is to be, before any is written."""
    enough = max(sorted(shape[0] for shape in shapes)[n] for shapes in found.values())
    for label, source in sources.items():
        fine = sum(shape[0] <= mpp * COARSER for shape in found[label])
        if fine <= n:
            raise WsigenError(
                f"{source}: {fine} of {len(found[label])} slides have {mpp:g} um/px or finer, expected {n + 1}; "
                f"--mpp is finer than the slides: choose {enough:.4g} or more"
            )


def _check_large(
    source: Path, shapes: Sequence[tuple[float, float, float]], form: Format, n: int
) -> None:
    """Raise WsigenError where too few slides show the size asked for, before any is written."""
    large = sum(
        height / form.mpp >= form.height and width / form.mpp >= form.width
        for _, height, width in shapes
    )
    if large <= n:
        raise WsigenError(
            f"{source}: {large} of {len(shapes)} slides show {form.height} x {form.width} px at {form.mpp:g} um/px, "
            f"expected {n + 1}; choose a smaller --height and --width"
        )
