"""Cohorts of phantoms: drawn into a folder with their cohort.csv, or into a cache the first time they are asked for."""

import csv
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from wsigen import __version__
from wsigen.cohorts.table import COLUMNS
from wsigen.errors import WsigenError
from wsigen.phantom.slide import PhantomSlide
from wsigen.seeds import generator
from wsigen.slides.pyramid import write_pyramid
from wsigen.slides.seen import cache_folder

# The noise of a smaller slide or another scale fills the memory, as does one strip of a larger slide.
SIZES = (16, 1 << 17)
SCALES = (0.05, 20.0)


def write_phantom_cohort(
    folder: str | Path,
    slides: int = 8,
    seed: int = 0,
    mpp: float = 1.0,
    size: int = 4096,
    *,
    overwrite: bool = False,
    progress: Callable[[range], Iterable[int]] = iter,
) -> None:
    """Write ``phantom_000.tiff`` and so on, and a ``cohort.csv`` that `wsigen.cohorts.cohort` reads.

    Args:
        folder: made if missing.
        slides: how many; each is a case of its own. A quarter of the cases is for testing, of two or more at least one.
        seed: the same arguments give the same pixels.
        mpp: micrometre per pixel, within ``SCALES``; drawn for 0.25 to 2.
        size: height and width in pixels, within ``SIZES``.
        overwrite: write into a folder that holds files, and replace those of the same name.
        progress: wraps the range of slides, such as ``tqdm``.

    Raises:
        WsigenError: numbers out of range, a folder that holds files, or a full disk. What was written is removed.
    """
    if slides < 1:
        raise WsigenError(f"--slides is {slides}; expected at least 1")
    for name, found, (low, high) in (("size", size, SIZES), ("mpp", mpp, SCALES)):
        if not low <= found <= high:
            raise WsigenError(f"--{name} is {found}; expected {low:g} to {high:g}")
    folder = Path(folder)
    if folder.exists() and not (folder.is_dir() and (overwrite or not any(folder.iterdir()))):
        raise WsigenError(f"{folder} is not an empty folder: choose another or use --overwrite")
    tested = max(round(slides / 4), min(slides - 1, 1))
    order = generator(seed, "split").permutation(slides)
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    rows, written = [], list[Path]()
    generated_by = f"wsigen {__version__} phantom"
    try:
        for i in progress(range(slides)):
            name = f"phantom_{i:03d}"
            slide_seed = int(generator(seed, "cohort", i).integers(2**31))
            slide = PhantomSlide(slide_seed, height=size, width=size, mpp=mpp)
            about = {"SYNTHETIC": True, "generator": generated_by, "seed": slide_seed}
            written.append(folder / f"{name}.tiff")
            write_pyramid(
                written[-1], slide.strips(), mpp,
                height=size, width=size, description=about, overwrite=overwrite,
            )  # fmt: skip
            split = "test" if order[i] < tested else "train"
            rows.append(
                (f"{name}.tiff", "phantom", name, "phantom", mpp, "drawn", split, "CC0-1.0")
            )
        written.append(folder / "cohort.csv")
        with written[-1].open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows])
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        if made:
            folder.rmdir()
        raise


def cached_phantoms(
    slides: int = 6, seed: int = 0, mpp: float = 1.0, size: int = 2048, *, cache: Path | None = None
) -> Path:
    """The folder of a phantom cohort, drawn the first time it is asked for.

    Args:
        slides, seed, mpp, size: as in `write_phantom_cohort`.
        cache: where the folder lies; by default ``wsigen`` in ``$XDG_CACHE_HOME`` or ``~/.cache``.
    """
    if cache is None:
        cache = cache_folder()
    folder = cache / f"phantom-{__version__}-{slides}-{seed}-{mpp:g}-{size}"
    if not (folder / "cohort.csv").is_file():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as drawn:
            write_phantom_cohort(Path(drawn) / "new", slides, seed, mpp, size)
            try:  # whole or not at all; where another process was faster, its slides are the same
                os.rename(Path(drawn) / "new", folder)
            except OSError:
                if not (folder / "cohort.csv").is_file():
                    raise
    return folder
