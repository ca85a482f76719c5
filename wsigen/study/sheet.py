"""A sheet for a blind reading: numbered crops, real and generated mixed, to be told apart by eye.

A study shows whole slides in a viewer. A sheet takes one reader ten minutes, so it can be read at each new model; what
the scores say is in `wsigen.study.reading`.

DIR/sheet.png      the crops under their numbers; it shows real tissue
DIR/key.csv        which of them are real, where they lie, and what made them; only a reading opens it
DIR/run_info.json  what made the sheet
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.entry import Entry
from wsigen.cohorts.patches import Source
from wsigen.errors import WsigenError
from wsigen.provenance import run_info
from wsigen.seeds import generator
from wsigen.slides.pyramid import opens_as_slide, read_description
from wsigen.slides.slide import SCALE_TOLERANCE, Slide
from wsigen.study.crops import FREE, Crop, Crops, has_room
from wsigen.study.design import (
    CLASSES,
    INFO,
    KEY,
    Encoded,
    check_distinct,
    check_new,
    check_real,
    make_folder,
    write_key,
)

Pixels = NDArray[np.uint8]
SHEET, READING = "sheet.png", "reading.json"
BEHIND = "behind"  # in run_info.json: cases of each class, and crops that overlap for want of room

GAP_PX, LABEL_PX = 10, 22  # between crops, and for the number over each


def create_sheet(
    folder: Path,
    slides: Sequence[Path],
    *,
    real: Path,
    split: str | None = None,
    n: int = 24,
    seed: int = 0,
    mpp_min: float = 2.8,
    mpp_max: float = 5.0,
    crop_px: int = 144,
    columns: int = 8,
    quality: int = 90,
    key: Path | None = None,
    allow_phantoms: bool = False,
) -> Iterator[Encoded]:
    """Make a sheet of ``n`` crops of generated and ``n`` of real slides; yields after each crop.

    Real slides too coarse or too small for the crops are passed over; one that says it is synthetic, or has no tissue,
    is left out with a word.

    Args:
        folder: made; it must not hold anything yet.
        slides: files that `wsigen generate` wrote.
        real: a folder of slides, a cohort.csv or a pack; cases are seen equally often.
        split: of the real slides; None is all of them.
        seed: names scales, places and order.
        mpp_min, mpp_max: range of micrometres per pixel, drawn log-uniformly, the same for both classes.
        crop_px: side of a crop.
        columns: crops in a row of the sheet.
        quality: of the JPEG that every crop goes through.
        key: where the labels go, by default ``folder/key.csv``.
        allow_phantoms: let drawn phantoms stand for real slides.

    Raises:
        WsigenError: a generated slide too coarse or too small, too few real ones, no room for the crops.
    """
    if n < 1 or crop_px < 16 or columns < 1:
        raise WsigenError(
            f"--n is {n}, --crop-px {crop_px}, --columns {columns}; expected at least 1, 16 and 1"
        )
    if not 0 < mpp_min <= mpp_max:
        raise WsigenError(
            f"--mpp-min is {mpp_min:g}, --mpp-max {mpp_max:g}; expected both above 0, in this order"
        )
    key = key or folder / KEY
    check_new(folder, key, (SHEET, INFO, READING))
    scales = (mpp_min, mpp_max)
    found: dict[str, list[tuple[Entry, Source]]] = {label: [] for label in CLASSES}
    for path in slides:
        entry = Entry(path, path.name, None, "")
        slide = entry.open()
        if reason := _unfit(slide, crop_px, scales):
            raise WsigenError(f"{path}: {reason}; choose other scales, another slide or --crop-px")
        found["synthetic"].append((entry, _looked_at(slide, entry)))
    entries = read_cohort(real)
    for entry in entries:
        if split not in (None, entry.split):
            continue
        try:
            slide = entry.open()
            if _unfit(slide, crop_px, scales):
                slide.close()
                continue
            check_real(slide, allow_phantoms)
            found["real"].append((entry, _looked_at(slide, entry)))
        except WsigenError as error:
            yield Encoded(0, 2 * n, str(error))
    check_distinct(*([entry for entry, _ in pairs] for pairs in found.values()))
    if not found["real"]:
        splits = ", ".join(sorted({entry.split for entry in entries}))
        raise WsigenError(
            f"{real}: no slide to cut crops from (splits: {splits}); expected slides that show {crop_px} px at "
            f"{mpp_min:g} to {mpp_max:g} um/px: give others, another --split or a smaller --crop-px"
        )
    draw = generator(seed, "sheet", "scales")
    parts = (draw.permutation(n) + draw.uniform(0, 1, n)) / n  # one in each part of the range
    mpps = [float(mpp) for mpp in mpp_min * (mpp_max / mpp_min) ** parts]
    made: list[tuple[dict[str, Any], Crop]] = []
    for label, pairs in found.items():
        crops = Crops([source for _, source in pairs], crop_px, scales, quality)
        entry_of = {id(source): entry for entry, source in pairs}
        for crop in crops.draw(mpps, generator(seed, "sheet", label)):
            made.append((_row(label, entry_of[id(crops.sources[crop.source])], crop), crop))
            yield Encoded(len(made), 2 * n)
        for _, source in pairs:
            source.slide.close()
    order = generator(seed, "sheet", "order").permutation(len(made))
    behind = {
        label: {
            "cases": len({row["case"] for row, _ in made if row["label"] == label}),
            "overlapping": sum(row["label"] == label and crop.overlap > FREE for row, crop in made),
        }
        for label in CLASSES
    }
    info = {BEHIND: behind} | run_info(
        slides=[path.name for path in slides], real=str(real), split=split, n=n, seed=seed,
        mpp_min=mpp_min, mpp_max=mpp_max, crop_px=crop_px, quality=quality,
    )  # fmt: skip
    with ExitStack() as undo:
        for place in (folder, key.parent):
            make_folder(place, undo)
        for name in (SHEET, INFO):
            undo.callback((folder / name).unlink, missing_ok=True)
        drawn_sheet([made[place][1].pixels for place in order], columns).save(folder / SHEET)
        rows = [{"number": i, **made[place][0]} for i, place in enumerate(order, start=1)]
        write_key(key, rows, undo)
        (folder / INFO).write_text(json.dumps(info, indent=2))
        undo.pop_all()


def drawn_sheet(crops: Sequence[Pixels], columns: int) -> Image.Image:
    """Crops of one size in rows, each under its number, from 1 on."""
    side = len(crops[0])
    rows = -(-len(crops) // columns)
    width, height = columns * (side + GAP_PX) + GAP_PX, rows * (side + LABEL_PX) + GAP_PX
    sheet = Image.new("RGB", (width, height), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(LABEL_PX - 6)
    for i, crop in enumerate(crops):
        left = GAP_PX + i % columns * (side + GAP_PX)
        top = LABEL_PX + i // columns * (side + LABEL_PX)
        draw.text((left, top - 2), str(i + 1), "black", font, anchor="ls")
        sheet.paste(Image.fromarray(crop), (left, top))
    return sheet


def _unfit(slide: Slide, crop_px: int, scales: tuple[float, float]) -> str:
    """Why a slide has no crops of every scale; nothing where it has."""
    if slide.mpp > scales[0] * (1 + SCALE_TOLERANCE):
        return f"has {slide.mpp:g} um/px, coarser than the finest crops of {scales[0]:g}"
    if not has_room(slide, crop_px, scales):
        return f"{slide.width} x {slide.height} px are less than a crop of {crop_px} px at {scales[1]:g} um/px"
    return ""


def _looked_at(slide: Slide, entry: Entry) -> Source:
    """A slide with its tissue."""
    source = Source.of(slide, entry.case)
    if not source.tissue.count:
        raise WsigenError(f"{entry.path}: no tissue found; leave it out")
    return source


def _row(label: str, entry: Entry, crop: Crop) -> dict[str, Any]:
    """What the key says of a crop."""
    about = None
    if label == "synthetic" and opens_as_slide(entry.path):
        about = read_description(entry.path)
    told = [str((about or {}).get(name, "")) for name in ("model", "model_sha256", "seed")]
    return {
        "label": label,
        "source": entry.path.name,
        "case": entry.case,
        "top_um": round(crop.top_um, 1),
        "left_um": round(crop.left_um, 1),
        "mpp": round(crop.mpp, 4),
        "overlap": round(crop.overlap, 2),
        **dict(zip(("model", "model_sha256", "seed"), told, strict=True)),
    }
