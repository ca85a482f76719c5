"""Files of students: what a student's weights are beyond its teacher's, which has to lie beside it.

``small-3-student.safetensors``, packed where it ships, is the student of ``small-3.safetensors``; its header names the
teacher by the digest of that file.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from wsigen.errors import WsigenError
from wsigen.networks.difference import Difference, Weights
from wsigen.networks.styles import STYLE_LAYER, Styles
from wsigen.training.weights import read_safetensors, under, write_safetensors

FORMAT, STYLES = "wsigen-student-1", "styles"
CASES, OF_CASES = "cases", "cases."  # names, and all that was found of their styles


class OfCases(NamedTuple):
    """The styles of all cases that a student learnt from, to go on with, as `wsigen.training.styles` keeps them.

    Found anew they would be others: principal components have no sign, and rounding differs from machine to machine.

    Args:
        names: of the cases.
        tensors: styles, and how they were read.
    """

    names: list[str]
    tensors: dict[str, Tensor]


def save_student(
    path: Path,
    difference: Difference,
    teacher_sha256: str,
    images_seen: int,
    strength: float = 1.0,
    styles: Styles | None = None,
    of_cases: OfCases | None = None,
) -> None:
    """Write ``strength`` times a difference, in bfloat16, and the styles that slides can have, if it learnt any."""
    header = {
        "format": FORMAT,
        "teacher_sha256": teacher_sha256,
        "images_seen": f"{images_seen}",
        "rank": f"{difference.rank}",
        "strength": f"{strength:g}",
    }
    tensors = {name: t.to(torch.bfloat16) for name, t in difference.times(strength).items()}
    if styles is not None:
        tensors[STYLES] = styles.codes.to(torch.float16)
    if of_cases is not None:
        header[CASES] = json.dumps(of_cases.names)
        tensors |= {
            f"{OF_CASES}{name}": value.contiguous() for name, value in of_cases.tensors.items()
        }
    write_safetensors(path, tensors, header)


def read_student(
    path: Path, teacher: Mapping[str, Tensor], teacher_sha256: str
) -> tuple[Weights, Styles | None]:
    """The student's weights, float32, and its styles; arguments and errors as :func:`read_difference`."""
    weights = {name: value.float() for name, value in teacher.items()}
    learnt = read_difference(path, weights, teacher_sha256)
    return learnt.difference.applied(weights), learnt.styles


class Learnt(NamedTuple):
    """What a student knows beyond its teacher.

    Args:
        difference: from the teacher's weights.
        images_seen: patches that it was distilled on.
        strength: what it was multiplied by when it was saved.
        styles: that slides can have, if it has learnt any.
        of_cases: whose styles they are, and of others that it learnt from, if it keeps them.
    """

    difference: Difference
    images_seen: int
    strength: float
    styles: Styles | None
    of_cases: OfCases | None


def read_difference(path: Path, teacher: Mapping[str, Tensor], teacher_sha256: str) -> Learnt:
    """What a student knows beyond its teacher.

    Args:
        path: of the student.
        teacher: the teacher's weights, by name; with a layer for styles, where the student may have learnt some.
        teacher_sha256: digest of the teacher's file.

    Raises:
        WsigenError: a damaged or foreign file, or the student of another model.
    """
    tensors, header = read_safetensors(path)
    if header.get("format") != FORMAT:
        raise WsigenError(
            f"{path}: not a student (format {header.get('format')!r}); expected {FORMAT!r}, as wsigen distil writes it"
        )
    if header.get("teacher_sha256") != teacher_sha256:
        raise WsigenError(
            f"{path}: the student of another model ({header.get('teacher_sha256', '')[:12]}) than the one beside it "
            f"({teacher_sha256[:12]}); put it beside its own, or distil anew"
        )
    codes = tensors.pop(STYLES, None)
    if codes is not None and STYLE_LAYER not in teacher:
        raise WsigenError(f"{path}: has learnt styles; go on with --way styled or slides")
    found = under(tensors, OF_CASES)
    of_cases = OfCases(json.loads(header[CASES]), found) if found else None
    tensors = {name: value for name, value in tensors.items() if not name.startswith(OF_CASES)}
    known = {n: w for n, w in teacher.items() if codes is not None or n != STYLE_LAYER}
    difference = Difference(known, int(header["rank"]))
    try:
        difference.load_state_dict({name: value.float() for name, value in tensors.items()})
    except RuntimeError as error:
        raise WsigenError(f"{path}: does not fit its teacher's network; distil anew") from error
    styles = None if codes is None else Styles(codes.float())
    seen, strength = int(header["images_seen"]), float(header.get("strength", 1.0))
    return Learnt(difference, seen, strength, styles, of_cases)
