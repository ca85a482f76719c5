"""A student's distillation in a folder: distils, saves, and goes on where it stopped.

The folder holds config.json, run_info.jsonl (one line for each start), losses.csv, distilling.safetensors (everything
needed to go on), and the teacher with its student beside it, ready to use as ``--model FOLDER/NAME.safetensors``.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from wsigen.cohorts.entry import Entry
from wsigen.errors import WsigenError
from wsigen.models import student_of, unpacked
from wsigen.networks.unet import UNet, with_styles
from wsigen.provenance import run_info
from wsigen.training.checkpoint import LoadedDenoiser, find_model, load_denoiser
from wsigen.training.config import TOLD
from wsigen.training.distil import LAST_RATES, Distiller
from wsigen.training.drawing import Drawer
from wsigen.training.monitor import append_losses
from wsigen.training.progress import Progress, Watch, unwatched
from wsigen.training.run import (
    CONFIG,
    LOSSES,
    STARTS,
    check_held,
    check_new,
    drawn_patches,
    note_start,
)
from wsigen.training.student import Learnt, OfCases, read_difference, save_student
from wsigen.training.styles import CaseStyles
from wsigen.training.upscaling import DistilConfig
from wsigen.training.weights import (
    content,
    read_safetensors,
    write_safetensors,
)

STATE, FORMAT = "distilling.safetensors", "wsigen-distilling-8"
BEFORE = "seen_before"  # patches, by the student that the run began as
TOGETHER = 50  # steps to a row of losses.csv


def distil_in_folder(
    folder: Path,
    config: DistilConfig,
    teacher: str,
    entries: Sequence[Entry],
    *,
    resume: bool = False,
    from_student: bool = False,
    minutes: float | None = None,
    save_minutes: float = 5.0,
    watch: Watch = unwatched,
) -> Iterator[Progress]:
    """Distil and yield each step's progress; save every ``save_minutes`` and at the end.

    Args:
        folder: of the run; must hold none of its files yet unless ``resume``.
        config: of a new run; a resumed one keeps its own.
        teacher: name or file of a model that is told its guide; a resumed run keeps its own.
        entries: the cohort; its split "train" is used.
        resume: go on with the run in ``folder``.
        from_student: begin a new run as the student that the teacher has.
        minutes: stop after so long.
        save_minutes: time between saves.
        watch: is given what takes minutes before the first step.
    """
    state = folder / STATE
    if resume:
        check_held(folder, STATE)
        tensors, header = read_safetensors(state)
        if header.get("format") != FORMAT:
            raise WsigenError(
                f"{state}: {header.get('format')!r}, not the state that this version goes on from, {FORMAT!r}; "
                "begin a new run, with --from-student to go on from its student"
            )
        config = DistilConfig(**json.loads(header["config"]))
        own = folder / header["teacher"]
        teacher = str(own)
    else:
        if config.way in ("styled", "slides") and not from_student:
            raise WsigenError(
                f"{config.way}: learnt last, by a student that can paint; add --from-student"
            )
        own = folder / unpacked(find_model(teacher)).name
        check_new(folder, STATE, (CONFIG, STARTS, LOSSES, own.name, student_of(own).name))
    model = load_denoiser(teacher)
    if not model.is_told:
        raise WsigenError(
            f"{model.name} was not trained to be told its guide, which is all that a student goes by; choose another "
            "--teacher"
        )
    goes_on = config.way in LAST_RATES if resume else from_student
    learnt = read_learnt(model, config.way) if goes_on else None
    known = None
    if learnt is not None and (config.way == "slides" or (resume and config.way == "styled")):
        known = learnt_styles(learnt, model.name)
    drawer = drawn_fields(config, model, entries, watch)
    styles = None if known is None else CaseStyles.kept(known.tensors, known.names, drawer.cases)
    student = Distiller(config, model, drawer, styles, watch=watch)
    of_slides = None if student.styles is None else student.styles.of_slides()
    seen_before = int(header.get(BEFORE, 0)) if resume else 0
    if resume:
        student.go_on(tensors, int(header["images_seen"]))
    elif learnt is not None:
        made_stronger = (
            learnt.strength if config.way == "adversarial" else 1.0
        )  # and anew when saved
        student.begin_as(learnt.difference, 1 / made_stronger)
        seen_before = learnt.images_seen
    info = run_info("cpu", minutes=minutes, first_image=student.images_seen, teacher=own.stem)

    def save() -> None:
        about = {"config": json.dumps(asdict(config)), "images_seen": str(student.images_seen)}
        about[BEFORE] = str(seen_before)
        kept, styles = student.tensors(), student.styles
        save_student(  # first, since it alone keeps the styles that the state goes on with
            student_of(own),
            student.average.nearest(config.kept_rank),
            model.file_sha256,
            seen_before + student.images_seen,
            config.strength if config.way == "adversarial" else 1.0,
            of_slides,
            None if styles is None else OfCases(styles.names, styles.tensors()),
        )
        kept = {name: tensor.contiguous() for name, tensor in kept.items()}
        write_safetensors(state, kept, {"format": FORMAT, "teacher": own.name, **about})

    began = saved = time.monotonic()
    noted = False
    recent: list[Progress] = []
    try:
        for progress in student.run():
            if not noted:
                note_start(folder, asdict(config), info)
                if not resume:
                    own.write_bytes(content(find_model(teacher)))
                noted = True
            recent.append(progress)
            yield progress
            now = time.monotonic()
            if len(recent) >= TOGETHER:
                append_losses(folder / LOSSES, recent, now - began)
                recent = []
            if now - saved > 60 * save_minutes:
                save()
                saved = now
            if minutes is not None and now - began > 60 * minutes:
                return
    finally:
        if noted:  # a run that took no step has nothing to save
            if recent:
                append_losses(folder / LOSSES, recent, time.monotonic() - began)
            save()


def read_learnt(model: LoadedDenoiser, way: str) -> Learnt:
    """What a model's student knows, to go on with in this way; a run's own, when it is resumed."""
    assert isinstance(model.network, UNet)
    if model.student_file is None:
        raise WsigenError(
            f"{model.name} has no student beside it to go on from; put it there, or begin anew without --from-student"
        )
    network = with_styles(model.network) if way in LAST_RATES else model.network
    weights = {name: weight.float() for name, weight in network.named_parameters()}
    return read_difference(model.student_file, weights, model.file_sha256)


def learnt_styles(learnt: Learnt, name: str) -> OfCases:
    """The styles of cases that the student of the model of this name has learnt."""
    if learnt.of_cases is None or "blue" not in learnt.of_cases.tensors:
        raise WsigenError(
            f"the student of {name} does not keep the styles of its cases, which slides ask for; distil one that does, "
            "with --way styled"
        )
    return learnt.of_cases


def drawn_fields(
    config: DistilConfig,
    teacher: LoadedDenoiser,
    entries: Sequence[Entry],
    watch: Watch = unwatched,
) -> Drawer:
    """Fields of two by two patches, drawn as the preset "told" draws patches."""
    info = teacher.info
    train = replace(
        TOLD,
        network=info.network,
        patch_px=2 * info.patch_px,
        mpp_min=info.mpp_min,
        mpp_max=min(info.mpp_max, config.mpp_max),
        breast_share=config.breast_share,
        breast_only_below=config.breast_only_below,
        seed=config.seed,
    )
    return drawn_patches(train, entries, "cpu", watch)
