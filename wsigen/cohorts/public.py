"""Public cohorts: where their files are listed, and what each says about patient, scale and licence.

TCGA-BRCA     diagnostic slides, through the REST interface of the Genomic Data Commons (docs.gdc.cancer.gov/API)
HER2ST        36 sections of 8 patients, a Zenodo record of encrypted archives (Andersson et al. 2021)
"""

import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from zlib import crc32

from wsigen.cohorts.download import RemoteFile, Server
from wsigen.errors import WsigenError

GDC = "https://api.gdc.cancer.gov"
ZENODO = "https://zenodo.org/api"
HER2ST_RECORD = 4751624
PAGE = 500  # files in one answer of the GDC

HER2ST_MPP = 0.686  # measured on the 200 um spot grid of patients B and C
HER2ST_A_MPP = 0.92  # patient A was scanned coarser, as users of the data found
HELD_OUT = "B"  # the patient that this project judges on


def tcga_brca(server: Server, limit: int | None = None, api: str = GDC) -> list[RemoteFile]:
    """List the diagnostic slides of TCGA-BRCA, ordered by name, and so by patient.

    Args:
        server: to ask with.
        limit: how many; all of them, above a terabyte, if left out.
        api: address of the interface.
    """
    wanted = {
        "cases.project.project_id": "TCGA-BRCA",
        "files.data_type": "Slide Image",
        "files.experimental_strategy": "Diagnostic Slide",
        "files.access": "open",
    }
    terms = [{"op": "in", "content": {"field": f, "value": [v]}} for f, v in wanted.items()]
    files: list[RemoteFile] = []
    total = 1
    while len(files) < min(total, total if limit is None else limit):
        size = PAGE if limit is None else min(PAGE, limit - len(files))
        query = {
            "filters": json.dumps({"op": "and", "content": terms}),
            "fields": "file_id,file_name,file_size,md5sum,cases.submitter_id",
            "sort": "file_name:asc",
            "format": "JSON",
            "size": str(size),
            "from": str(len(files)),
        }
        answer = server.json(f"{api}/files", query)
        try:
            hits, total = answer["data"]["hits"], answer["data"]["pagination"]["total"]
            files += [_gdc_file(hit, api) for hit in hits]
        except (KeyError, TypeError, IndexError) as error:
            raise WsigenError(
                f"{api}/files: not the answer that the GDC gives (no {error}); check the address"
            ) from error
        if not hits:
            break
    if not files:
        raise WsigenError(f"{api}/files: lists no diagnostic slides of TCGA-BRCA; try again later")
    return files


def _gdc_file(hit: dict[str, Any], api: str) -> RemoteFile:
    case = hit["cases"][0]["submitter_id"]
    url = f"{api}/data/{hit['file_id']}"
    return RemoteFile(url, hit["file_name"], int(hit["file_size"]), hit["md5sum"], case)


def tcga_rows(files: Sequence[RemoteFile]) -> list[dict[str, str]]:
    """The rows of a cohort.csv: a fifth of the patients, chosen by their name, is for testing."""
    return [
        {
            "path": file.name,
            "cohort": "TCGA-BRCA",
            "case": file.case,
            "organ": "breast",
            "mpp_source": "in the file",
            "split": "test" if crc32(file.case.encode()) % 5 == 0 else "train",
            "licence": "GDC open access",
        }
        for file in files
    ]


def her2st(server: Server, api: str = ZENODO, record: int = HER2ST_RECORD) -> list[RemoteFile]:
    """List the archives of images in the record of HER2ST."""
    url = f"{api}/records/{record}"
    answer = server.json(url)
    try:
        files = [
            RemoteFile(
                file["links"]["self"],
                file["key"],
                int(file["size"]),
                file["checksum"].removeprefix("md5:"),
            )
            for file in answer["files"]
            if re.fullmatch(r"(?i).*images?.*\.zip", file["key"])
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise WsigenError(
            f"{url}: not the answer that Zenodo gives (no {error}); check the address"
        ) from error
    if not files:
        raise WsigenError(f"{url}: holds no archive of images; expected images.zip")
    return files


def her2st_rows(paths: Sequence[Path]) -> list[dict[str, str]]:
    """The rows of a cohort.csv; a section is named by its patient and a number: B3."""
    rows = []
    for path in paths:
        named = re.fullmatch(r"([A-H])\d", path.stem)
        patient = named[1] if named else ""
        scanned_coarser = patient == "A"
        rows.append(
            {
                "path": path.name,
                "cohort": "HER2ST",
                "case": f"her2st-{patient}" if patient else path.stem,
                "organ": "breast",
                "mpp": str(HER2ST_A_MPP if scanned_coarser else HER2ST_MPP),
                "mpp_source": "as reported by users of the data"
                if scanned_coarser
                else "200 um spot grid of patients B and C",
                "split": "test" if patient == HELD_OUT else "train",
                "licence": "CC-BY-4.0",
            }
        )
    return rows


def unpack_images(archive: Path, folder: Path, password: str | None = None) -> list[Path]:
    """Unpack the sections (HE/*.jpg) of an archive into ``folder``, without its subfolders.

    Zip archives with AES encryption are left to 7-Zip (``7z``, ``7zz``), which Python's own library cannot open.

    Raises:
        WsigenError: damaged, or encrypted and no or a wrong password, or 7-Zip is wanted and missing.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            members = [info for info in packed.infolist() if _is_section(info.filename)]
            if not members:
                raise WsigenError(f"{archive}: holds no sections; expected HE/*.jpg")
            wanted = [folder / PurePosixPath(info.filename).name for info in members]
            if any(info.flag_bits & 1 for info in members):
                if not password:
                    raise WsigenError(
                        f"{archive}: is encrypted; give --password (the authors publish it with their "
                        "code, github.com/almaan/her2st)"
                    )
                if _unpack_with_7zip(
                    archive, [info.filename for info in members], folder, password
                ):
                    return wanted
            for info, path in zip(members, wanted, strict=True):
                part = path.with_name(f"{path.name}.part")
                secret = password.encode() if password else None
                with packed.open(info, pwd=secret) as source, part.open("wb") as out:
                    shutil.copyfileobj(source, out, 1 << 20)
                part.replace(path)
            return wanted
    except NotImplementedError as error:
        raise WsigenError(
            f"{archive}: encrypted with AES, which needs 7-Zip; install it (7z) and start again"
        ) from error
    except (zipfile.BadZipFile, RuntimeError, OSError) as error:
        raise WsigenError(f"{archive}: cannot be unpacked ({error}); check --password") from error


def _is_section(name: str) -> bool:
    path = PurePosixPath(name)
    image = path.suffix.lower() in (".jpg", ".jpeg", ".png", ".tif", ".tiff")
    return image and path.parent.name == "HE" and not path.name.startswith(".")


def _unpack_with_7zip(archive: Path, names: list[str], folder: Path, password: str) -> bool:
    """Unpack with 7-Zip; False where there is none."""
    program = shutil.which("7z") or shutil.which("7zz")
    if program is None:
        return False
    command = [program, "e", "-y", f"-p{password}", f"-o{folder}", str(archive), *names]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode:
        lines = (answer.stderr or answer.stdout).split("\n")
        said = next((line for line in lines if line.startswith("ERROR")), "no reason given")
        raise WsigenError(f"{archive}: 7-Zip cannot unpack it ({said}); check --password")
    return True
