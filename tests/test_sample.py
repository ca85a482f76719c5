"""The sample of real tissue that ships: small, credited, without a name, and good for patches of every scale."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from wsigen.cohorts.check import check_cohort
from wsigen.cohorts.cohort import SAMPLE_PACK, read_cohort
from wsigen.cohorts.packed import Pack
from wsigen.cohorts.patches import PatchSampler, open_sources
from wsigen.errors import WsigenError
from wsigen.experiments.lab import Lab


def test_the_sample_is_small_and_has_its_licence_beside_it():
    assert SAMPLE_PACK.stat().st_size < 4_000_000
    credit = (resources.files("wsigen.cohorts") / "sample.md").read_text("utf-8")
    for wanted in ("MIT License", "Copyright (c) 2022 Pathology Atlas", "10.5281/zenodo.6382734"):
        assert wanted in credit


def test_the_sample_names_cases_by_number_and_no_file_of_anyone():
    slides = Pack(SAMPLE_PACK).slides
    cases = {about["case"] for about in slides}
    assert cases == {f"atlas-{n:02d}" for n in range(1, 6)}
    for about in slides:
        assert about["path"].split("/")[0] == about["case"]
        assert about["licence"] == "MIT"
    assert all(f"| {case} |" in SAMPLE_PACK.with_suffix(".md").read_text("utf-8") for case in cases)


def test_the_sample_is_read_by_its_name_and_all_of_it_is_usable(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    findings = list(check_cohort(Path("sample")))
    assert len(findings) == len(read_cohort("sample")) == 13
    assert [finding.reason for finding in findings if not finding.usable] == []


@pytest.mark.parametrize("mpp", [0.7, 1.5, 3, 6, 12, 25, 50, 100])
def test_the_sample_shows_tissue_from_cells_to_the_overview(mpp):
    sources = open_sources(read_cohort("sample"))
    sampler = PatchSampler(sources, 64, (mpp * 0.999, mpp * 1.001))
    patches = np.stack([sampler.patch(number)[0] for number in range(24)])
    red, green = patches[..., 0].mean((1, 2)), patches[..., 1].mean((1, 2))
    assert (red - green > 3).mean() > 0.7, "haematoxylin and eosin absorb green most"


def test_no_model_is_judged_by_the_five_patients_of_the_sample():
    with pytest.raises(WsigenError, match="patients that the model has not seen"):
        _ = Lab("sample").held_out
