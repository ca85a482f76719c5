"""How many cases stand behind each octave."""

import numpy as np
import pytest
from click.testing import CliRunner

from wsigen.cli.cohort import cohort as cohort_command
from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.drawn import write_phantom_cohort
from wsigen.cohorts.ground import REACH, Ground
from wsigen.cohorts.octaves import as_markdown, grounds_of, octaves
from wsigen.cohorts.placing import Placing
from wsigen.errors import WsigenError
from wsigen.training.config import preset
from wsigen.training.drawing import decode

PATCH_PX = 64


def ground(case, side, mpp, *, whole=False, group="other"):
    """A square image with tissue all over, of a field or of a slide that lies whole on its glass."""
    tissue = (np.argwhere(np.ones((20, 20), bool)) + 0.5) * side * mpp / 20
    return Ground(side, side, mpp, case, group, tissue.astype(np.float32), (side * mpp) ** 2, whole)


GROUNDS = [
    ground("a", 400, 0.5, group="breast"),  # a field: 0.5 to 3.1
    ground("a", 400, 3.0, group="breast"),  # 3 to 18.8
    ground("b", 900, 9.0, whole=True),  # 9 to 265 with overviews
    ground("c", 300, 1.1, group="breast"),  # 1.1 to 5.2
]


def test_an_octave_counts_the_cases_whose_slides_show_it_once():
    found = octaves(GROUNDS, PATCH_PX, 0.25, 300.0)
    assert [(octave.low, octave.high) for octave in found[-2:]] == [(128, 256), (256, 300)]
    by_low = {octave.low: (octave.images, octave.cases, octave.breast) for octave in found}
    assert by_low == {
        0.25: (0, 0, 0), 0.5: (1, 1, 1), 1: (2, 2, 2), 2: (3, 2, 2), 4: (2, 2, 2), 8: (2, 2, 1), 16: (2, 2, 1),
        32: (1, 1, 0), 64: (1, 1, 0), 128: (1, 1, 0), 256: (1, 1, 0),
    }  # fmt: skip
    assert "| 16 to 32 | 2 | 1 | 2 |" in as_markdown(found).splitlines()


@pytest.mark.parametrize("limit", [0.0, 11.4])
def test_the_octaves_of_a_case_are_those_it_is_drawn_at(limit):
    grounds = [*GROUNDS, ground("d", 500, 0.6)]  # no breast: 0.6 to 4.7
    placing = Placing(
        grounds, PATCH_PX, (0.25, 800.0), whole_share=0.4, only_below={"breast": limit}
    )
    places = placing.places(range(20_000))
    found = octaves(grounds, PATCH_PX, 0.25, 800.0, limit)
    assert any(octave.cases > octave.breast > 0 for octave in found if octave.high < 8) == (
        not limit
    )
    for octave in found:
        here = (places.mpp >= octave.low) & (places.mpp < octave.high)
        assert len({grounds[i].case for i in places.source[here]}) == octave.cases, octave
    assert places.mpp.max() <= REACH[1] * GROUNDS[2].length_um / PATCH_PX


def test_a_ground_is_the_same_whether_its_slide_is_decoded_or_only_looked_at(tmp_path):
    write_phantom_cohort(tmp_path / "slides", slides=2, size=300, mpp=1.0)
    entries = read_cohort(tmp_path / "slides")
    for entry, looked in zip(entries, grounds_of(entries, 2.0), strict=True):
        decoded = decode(entry, 2.0).ground
        np.testing.assert_array_equal(looked.tissue, decoded.tissue)
        assert (looked.height, looked.mpp, looked.whole) == (150, 2.0, decoded.whole)
        assert decoded.tissue_um2 == looked.tissue_um2


def test_the_verb_counts_as_the_preset_told_draws():
    given = {option.name: option.default for option in cohort_command.commands["octaves"].params}
    config = preset("told")
    for name in ("patch_px", "mpp_min", "mpp_max", "breast_only_below"):
        assert given[name] == getattr(config, name), name


def test_the_verb_prints_a_table_for_a_card(tmp_path):
    write_phantom_cohort(tmp_path / "slides", slides=3, size=300, mpp=1.0)
    run = CliRunner().invoke
    words = ["octaves", str(tmp_path / "slides"), "--patch-px", "32", "--mpp-min", "1"]
    answer = run(cohort_command, [*words, "--mpp-max", "8"])
    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith("| µm per pixel | cases | of breast | images |")
    assert "| 1 to 2 | 2 | 0 | 2 |" in answer.output
    with pytest.raises(WsigenError, match="no slide with the split 'held'; it has test, train"):
        run(cohort_command, [*words, "--split", "held"], catch_exceptions=False)
    with pytest.raises(WsigenError, match="expected a finest scale above 0"):
        run(cohort_command, [*words, "--mpp-max", "1"], catch_exceptions=False)
