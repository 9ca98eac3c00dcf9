"""Attacks `dreamkeras serve` with hostile clients, and measures the responses to them and the latency of another client.

    python benchmarks/hostile_clients.py [--idle 10000]

The attacks are a gzip bomb, a body of 2 GB, an endless body, headers and bodies that are sent slowly, and idle connections. During each
attack, another client requests predictions, which must succeed with status 200.
"""

import argparse
import asyncio
import contextlib
import functools
import os
import resource
import time
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor

from machine import provenance
from server import memory, request, send_request, server

from dreamkeras.scoring.predictor import PACKAGED_MODEL

HEAD = "POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\n"
SLOW = 200
SETTINGS = "notice_seconds = 0\nheader_seconds = 3\nbody_seconds = 3\n"
BOMB_STEPS = 1024

Attack = Callable[[int], Awaitable[Counter]]


async def send(port: int, parts: list[bytes], pause: float = 0) -> str:
    """Sends a request in parts and returns the response status, "closed" or "reset"."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
                if pause:
                    await asyncio.sleep(pause)
                if reader.at_eof():
                    break
        head = await asyncio.wait_for(reader.read(4096), 30)
        return head[9:12].decode() or "closed"
    except ConnectionError:
        return "reset"
    finally:
        writer.close()


def bomb() -> bytes:
    """Returns about 1 MB of gzip data that decompresses to 1 GB."""
    stream = zlib.compressobj(9, wbits=31)
    return b"".join(stream.compress(bytes(1 << 20)) for _ in range(BOMB_STEPS)) + stream.flush()


async def gzip_bomb(port: int) -> Counter:
    body = bomb()
    head = f"{HEAD}Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return Counter([await send(port, [head, body])])


async def two_gigabytes(port: int) -> Counter:
    return Counter([await send(port, [f"{HEAD}Content-Length: {2 << 30}\r\n\r\n".encode()])])


async def endless_body(port: int) -> Counter:
    chunk = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
    return Counter([await send(port, [f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode(), *[chunk] * 4096])])


async def slow_headers(port: int) -> Counter:
    return Counter(await asyncio.gather(*(send(port, [HEAD.encode(), *[b"X: y\r\n"] * 12], 0.5) for _ in range(SLOW))))


async def slow_bodies(port: int) -> Counter:
    head = f"{HEAD}Content-Length: 1000\r\n\r\n".encode()
    return Counter(await asyncio.gather(*(send(port, [head, *[b"x"] * 12], 0.5) for _ in range(SLOW))))


async def idle(port: int, number: int, pid: int) -> Counter:
    """Opens connections and counts the open files of the server."""
    connections = []
    for _ in range(number // 100):
        connections += await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(100)))
    await asyncio.sleep(1)
    return Counter(connected=len(connections), **{"files of the server": sum(1 for _ in os.scandir(f"/proc/{pid}/fd"))})


def attack_from_here(attack: Attack, port: int) -> Counter:
    """Runs an attack in a child process, separate from the other client."""
    return asyncio.run(attack(port))


async def others(port: int, done: asyncio.Event) -> tuple[Counter, float]:
    """Sends requests until `done`, alternately on new connections and on a persistent one. Returns the statuses and the maximum latency."""
    body, statuses, longest, turn = request(1), Counter(), 0.0, 0
    kept = await asyncio.open_connection("127.0.0.1", port)
    while not done.is_set():
        turn += 1
        own = kept if turn % 2 else await asyncio.open_connection("127.0.0.1", port)
        begun = time.perf_counter()
        status, _ = await send_request(*own, body)
        longest = max(longest, time.perf_counter() - begun)
        statuses[status] += 1
        if own is not kept:
            own[1].close()
        await asyncio.sleep(0.02)
    kept[1].close()
    return statuses, longest


async def run(name: str, attack: Attack, port: int, pid: int) -> None:
    done = asyncio.Event()
    waiting = asyncio.ensure_future(others(port, done))
    begun = time.perf_counter()
    with ProcessPoolExecutor(1) as pool:
        found = await asyncio.get_running_loop().run_in_executor(pool, attack_from_here, attack, port)
    took = time.perf_counter() - begun
    done.set()
    statuses, longest = await waiting
    print(f"{name:16} {took:5.1f} s  {dict(found)}; other client {dict(statuses)}, max {longest * 1000:.0f} ms; {memory(pid):.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--idle", type=int, default=10_000)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(provenance())
    with server(str(PACKAGED_MODEL), SETTINGS) as (pid, port):
        attacks = {
            "gzip bomb": gzip_bomb,
            "2 GB body": two_gigabytes,
            "endless body": endless_body,
            f"{SLOW} slow headers": slow_headers,
            f"{SLOW} slow bodies": slow_bodies,
            f"{options.idle:,} idle": functools.partial(idle, number=options.idle, pid=pid),
        }
        print(f"{'before':16}{memory(pid):.0f} MB")
        for name, attack in attacks.items():
            asyncio.run(run(name, attack, port, pid))


if __name__ == "__main__":
    main()
