"""The profile "paper" was never run whole here. One cell of each experiment runs in it, with its sizes cut."""

import json
from dataclasses import fields, replace

import pytest

from wsigen.experiments.catalogue import CATALOGUE
from wsigen.experiments.result import plain
from wsigen.plan import StagePlan

# What is cut of each paper profile: the model of these tests knows patches of 32 px at 0.25 to 40 um/px, and their
# slides show 512 px at 1 um/px. Plans, solvers and everything else stay the paper's.
FEW = StagePlan(num_steps=4, guided_steps=3, overview_steps=4)
CUTS = {
    "solvers": {"samples": 8, "steps": (5, 10)},
    "resolution": {"samples": 8, "scales": (2.0,), "mpp_range": (1.0, 8.0), "num_steps": 4},
    "colour": {"slides": (0,), "stages": 2, "mpp": 4.0, "view_px": 16, "plan": "fast"},
    "memorisation": {"samples": 8, "reference": 16, "scales": (2.0,), "num_steps": 4},
    "memorisation_overviews": {"samples": 8, "reference": 16, "scales": (12.0,), "num_steps": 4},
    "slide_level": {
        "slides": (0,), "size": 128, "mpp": 1.0, "levels": (0,), "crops": 8, "fields": 2, "field_px": 64, "windows": 4,
        "plan": "fast",
    },
    "telling": {"patches": 8, "scales": (2.0,), "levels": (0.1,)},
    "distillation": {"patches": 8, "scales": (2.0,), "evaluations": (2,)},
    "overviews": {"seeds": 1, "sizes_mm": ((0.2, 0.1),), "mpp": 2.0, "plan": "preview"},
    "sections": {
        "sections": 1, "width_mm": 0.3, "height_mm": 0.2, "mpp": 2.0, "levels": (0,), "crops": 8, "plans": ("preview",),
    },
    "organs": {"samples": 8, "scales": (2.0,), "num_steps": 4},
    "heldout": {"samples": 8, "least": 6, "scales": (2.0,), "num_steps": 4},
    "known_changes": {"patches": 8, "scales": (2.0,)},
    "samples": {"scales": (2.0,), "num_steps": 4, "samples": 8},
    "ablations": {},
    "best_student": {"patch_px": 24, "steps": (2,), "margins": (2,), "lengths": (2.0,)},
    "exact_field": {
        "length": 64, "line_patch_px": 16, "num_steps": 5, "shifts": 1, "trace_draws": 2, "side": 64, "patch_px": 16,
        "image_steps": 2, "draws": 1,
    },
    "rivals": {"plan": FEW, "patches": 4, "draws": 1, "real": 8},
    "step_seams": {
        "plan": FEW,
        "steps": (4,),
        "teacher_steps": (),
        "patches": 4,
        "draws": 1,
    },
    "relaxation": {"plan": FEW, "guide_plan": FEW, "guided": (2,), "patches": 1, "draws": 1, "real": 8},
    "super_resolution": {
        "patches": 8, "plan": FEW, "channels": 8, "blocks": 1, "steps": 2, "train_patches": 8,
    },
    "whole_slide": {
        "slides": (0,), "size": 128, "mpp": 2.0, "factors": (1, 2), "patches": 4, "reference": 8, "shown": 2,
        "plan": "fast",
    },
    "zoom_path": {"sizes": (128,), "shown": (128,), "mpp": 2.0, "view_px": 64, "plan": FEW},
    "zoom_neighbours": {
        "size": 128, "mpp": 2.0, "places": ((0.5, 0.5), (0.2, 0.2)), "view_px": 64, "plan": FEW, "factors": (1, 2),
        "reference": 8, "shown": 2,
    },
    "fewer_evaluations": {
        "plans": (("2m", 4, 3.0), ("heun", 4, 80.0)), "slides": 1, "levels": 2, "mpp": 2.0, "real": 16, "skip_px": 128,
        "skip_mpp": 2.0,
    },
    "textures": {
        "plans": ("fast",), "scales": (2.0,), "case": None, "side": 64, "guided_steps": (2,), "slides": 1,
        "slide_px": 256, "slide_mpp": 1.0, "patients": (),
    },
    "null_seams": {
        "sources": ("phantom",), "finest": 2.0, "fields": 8, "large": 2, "patch": 16, "large_side": 160,
        "steps": (8.0,),
    },
    "scaling": {"made": (128,), "mpp": 2.0, "plan": FEW},
    "reader_study": {"n": 1, "size": 256, "mpp": 4.0, "plan": "fast"},
}  # fmt: skip


def test_every_experiment_is_tried():
    assert set(CUTS) == {experiment.name for experiment in CATALOGUE}


@pytest.mark.parametrize("experiment", CATALOGUE, ids=lambda experiment: experiment.name)
def test_a_cell_of_the_paper_profile_runs_when_its_sizes_are_cut(experiment, lab, told_lab):
    module = experiment.module()
    lab = told_lab if experiment.name in ("telling", "distillation") else lab
    paper = module.PROFILES["paper"]
    cut = CUTS[experiment.name]
    if experiment.name == "ablations":
        network = replace(paper.train.network, widths=(16, 16), blocks=1, condition_channels=32)
        train = replace(paper.train, network=network, images=32, patch_px=32, mpp_max=8.0)
        cut = {"train": train, "scales": (2.0,), "patches": 8}
    assert set(cut) <= {field.name for field in fields(paper)}
    config = replace(paper, **cut)
    table = module.cells(config)
    cell = table[-1]
    row = module.measure(cell, config, lab)
    json.dumps(plain(row.values), allow_nan=False)
    assert row.images or any(isinstance(value, int | float) for value in row.values.values())
