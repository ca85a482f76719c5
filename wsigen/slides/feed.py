"""Strips of pixels as the file that libvips reads: an uncompressed TIFF that exists only as a stream."""

import queue
import struct
import threading

import numpy as np
from numpy.typing import NDArray

POLL_SECONDS = 0.1


class Feed:
    """The strips as one readable, seekable TIFF file for libvips; at most one strip waits."""

    def __init__(self, height: int, width: int) -> None:
        self.header = tiff_header(height, width)
        self.size = len(self.header) + height * width * 3
        self.position = 0  # where the next read starts
        self.served = len(self.header)  # bytes that libvips has seen
        self.chunk = memoryview(b"")
        self.strips: queue.Queue[memoryview] = queue.Queue(maxsize=1)
        self.stopped = threading.Event()

    @property
    def fraction(self) -> float:
        """The part of the image that libvips has read, 0 to 1."""
        return (self.served - len(self.header)) / (self.size - len(self.header))

    def put(self, strip: NDArray[np.uint8]) -> None:
        """Hand over one strip; wait while another one waits, return at once when libvips has stopped."""
        data = np.ascontiguousarray(strip).reshape(-1).data
        while not self.stopped.is_set():
            try:
                return self.strips.put(data, timeout=POLL_SECONDS)
            except queue.Full:
                continue

    def stop(self) -> None:
        """Either side gives up or has finished."""
        self.stopped.set()

    def read(self, count: int) -> bytes | memoryview | None:
        """Up to ``count`` bytes; None at the end. The header may be read again, the pixels only once."""
        if self.position < len(self.header):
            found: bytes | memoryview = self.header[self.position : self.position + count]
        else:
            while not self.chunk and not self.stopped.is_set() and self.served < self.size:
                try:
                    self.chunk = self.strips.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    continue
            if self.stopped.is_set() or self.position != self.served or not self.chunk:
                return None
            found, self.chunk = self.chunk[:count], self.chunk[count:]
            self.served += len(found)
        self.position += len(found)
        return found

    def seek(self, offset: int, whence: int) -> int:
        self.position = offset + (0, self.position, self.size)[whence]
        return self.position


def tiff_header(height: int, width: int, strip_rows: int = 16) -> bytes:
    """The BigTIFF header of an uncompressed RGB image whose pixels follow it in order."""
    tops = range(0, height, strip_rows)
    table = 16 + 8 + 9 * 20 + 8  # where the offsets and byte counts of the strips begin
    start = table + 16 * len(tops)
    offsets = [start + 3 * width * top for top in tops]
    counts = [3 * width * min(strip_rows, height - top) for top in tops]
    several = len(tops) > 1  # a single value sits in the entry itself
    short, long, long8 = 3, 4, 16
    entries = [
        (256, long, 1, width),
        (257, long, 1, height),
        (258, short, 3, 8 | 8 << 16 | 8 << 32),  # bits per sample
        (259, short, 1, 1),  # no compression
        (262, short, 1, 2),  # RGB
        (273, long8, len(tops), table if several else offsets[0]),
        (277, short, 1, 3),  # samples per pixel
        (278, long, 1, strip_rows),
        (279, long8, len(tops), table + 8 * len(tops) if several else counts[0]),
    ]
    head = struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, len(entries))
    body = b"".join(struct.pack("<HHQQ", *entry) for entry in entries)
    return head + body + struct.pack(f"<Q{2 * len(tops)}Q", 0, *offsets, *counts)
