"""What the tests of cohorts share: an archive on this machine, and sections to put into it."""

import hashlib
import json
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import numpy as np

CONTENT = bytes(range(256)) * 2000


class Archive(ThreadingHTTPServer):
    """``faults`` are what the next requests for data meet: a status, "drop", "damage" or "no ranges"."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files = {f"id-{n}": (f"TCGA-A{n % 3}-0001.{n}.svs", CONTENT[n:]) for n in range(7)}
        self.faults = []
        self.ranges = []
        self.asked = Counter()
        self.retry_after = None
        self.zip = b""


class Handler(BaseHTTPRequestHandler):
    server: Archive

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        self.server.asked[path] += 1
        if path == "/files":
            self.files(query)
        elif path == "/records/4751624":
            links = {"self": f"{self.server.url}/data/images"}
            md5 = hashlib.md5(self.server.zip).hexdigest()
            about = {"key": "images.zip", "size": len(self.server.zip), "checksum": f"md5:{md5}"}
            other = {"key": "meta.zip", "size": 1, "checksum": "md5:0", "links": links}
            self.answer(200, json.dumps({"files": [{**about, "links": links}, other]}).encode())
        elif path == "/data/images":
            self.data(self.server.zip)
        elif path.removeprefix("/data/") in self.server.files:
            self.data(self.server.files[path.removeprefix("/data/")][1])
        else:
            self.answer(404, b'{"message": "not found"}')

    def files(self, query):
        filters = json.loads(query["filters"][0])
        wanted = {c["content"]["field"]: c["content"]["value"] for c in filters["content"]}
        assert wanted["cases.project.project_id"] == ["TCGA-BRCA"]
        assert wanted["files.experimental_strategy"] == ["Diagnostic Slide"]
        if self.server.faults:
            return self.answer(self.server.faults.pop(0), b"busy")
        listed = sorted(self.server.files.items(), key=lambda item: item[1][0])
        first, size = int(query["from"][0]), int(query["size"][0])
        hits = [
            {
                "id": name,
                "file_id": name,
                "file_name": file,
                "file_size": len(data),
                "md5sum": hashlib.md5(data).hexdigest(),
                "cases": [{"submitter_id": file[:12]}],
            }
            for name, (file, data) in listed[first : first + size]
        ]
        pagination = {"count": len(hits), "total": len(listed), "size": size, "from": first}
        body = {"data": {"hits": hits, "pagination": pagination}, "warnings": {}}
        return self.answer(200, json.dumps(body).encode())

    def data(self, content):
        self.server.ranges.append(self.headers["Range"])
        fault = self.server.faults.pop(0) if self.server.faults else None
        if isinstance(fault, int):
            return self.answer(fault, b"sorry")
        start = int((self.headers["Range"] or "bytes=0-")[6:-1])
        if fault == "damage":
            content = b"x" + content[1:]
        if fault == "no ranges":
            start = 0
        body = content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault == "drop":
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.connection.close()
            return None
        self.wfile.write(body)
        return None

    def answer(self, status, body):
        self.send_response(status)
        if self.server.retry_after is not None and status != 200:
            self.send_header("Retry-After", self.server.retry_after)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving() -> Iterator[Archive]:
    """An archive that answers at ``archive.url``."""
    with Archive() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def sections(names, *, encrypted=False):
    data = BytesIO()
    with zipfile.ZipFile(data, "w") as packed:
        for name in names:
            packed.writestr(name, name.encode() * 100)
    content = bytearray(data.getvalue())
    if encrypted:  # the flag that says so, in each local header and in the directory
        for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            start = content.find(magic)
            while start >= 0:
                content[start + offset] |= 1
                start = content.find(magic, start + 4)
    return bytes(content)


def section(side: int, seed: int) -> np.ndarray:
    """Glass with noise, and a disc of tissue in its upper left."""
    stream = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    tissue = (rows - side * 0.3) ** 2 + (columns - side * 0.3) ** 2 < (side * 0.18) ** 2
    image = np.where(tissue[..., None], (160, 90, 160), (232, 230, 228))
    return (image + stream.integers(-9, 10, image.shape)).clip(0, 255).astype(np.uint8)
