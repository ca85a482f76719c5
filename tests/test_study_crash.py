"""kill -9 while readers are rating: whatever was acknowledged is there after the restart."""

import threading
from pathlib import Path

import httpx
from server_kit import PATIENCE_S, wait_until
from study_kit import Client, invite, server, small_study, steps

READERS = 6
ROUNDS = 2
STEPS = 4  # of each reader that are acknowledged before each kill


def rate_until_the_server_dies(
    address: str, link: str, acknowledged: list[tuple[int, int]]
) -> None:
    """Move the slider as fast as answers come; note (serial, rating) of each acknowledged step."""
    try:
        client = Client(address, link)
        if client.alias is None:
            client.consent()
        while True:
            serial, rating = client.serial, client.serial % 101
            answer = client.step("change", rating=rating)
            assert answer.status_code == 201, answer.text
            acknowledged.append((serial, rating))
            client.tile("9/0_0.jpg")
    except httpx.TransportError:
        return


def test_kill_9_under_load_loses_nothing_acknowledged(tmp_path: Path) -> None:
    study = small_study(tmp_path, n=1)
    links = invite(study, *(f"reader {index}" for index in range(READERS)))
    acknowledged: list[list[tuple[int, int]]] = [[] for _ in links]
    for due in (STEPS * (n + 1) for n in range(ROUNDS)):
        with server(study) as (address, process):
            threads = [
                threading.Thread(target=rate_until_the_server_dies, args=(address, link, noted))
                for link, noted in zip(links, acknowledged, strict=True)
            ]
            for thread in threads:
                thread.start()
            wait_until(lambda due=due: all(len(noted) >= due for noted in acknowledged))
            process.kill()
            for thread in threads:
                thread.join(PATIENCE_S)
                assert not thread.is_alive()
    with server(study) as (address, _):
        for index, (link, noted) in enumerate(zip(links, acknowledged, strict=True)):
            rows = {row["serial"]: row["rating"] for row in steps(study, f"reader {index}")}
            assert all(rows.get(serial) == rating for serial, rating in noted)
            assert sorted(rows) == list(range(1, len(rows) + 1))  # no gaps
            assert (
                len(rows) <= len(noted) + 1 + ROUNDS
            )  # consent, and a step on its way at each kill
            assert Client(address, link).serial == len(rows) + 1
