"""Measures `dreamkeras serve` under load: its throughput compared with ONNX Runtime alone, and its responses at twice its capacity.

    python benchmarks/server.py [-m MODEL] [--clients 64] [--rows 8] [--seconds 20] [--overload 20]

Clients, server and the bare loop over ONNX Runtime run on the same machine. Clients and loop run alternately for short times. Clients send
prepared requests over raw sockets, which requires little CPU time. MODEL defaults to the packaged model.
"""

import argparse
import asyncio
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from machine import provenance

from dreamkeras.scoring.predictor import PACKAGED_MODEL
from dreamkeras.scoring.session import open_session

COMMAND = (sys.executable, "-c", "from dreamkeras.cli.main import main; main(prog_name='dreamkeras')")
SETTINGS = "notice_seconds = 0\n"
WAIT = 0.5
"""The server's maximum waiting time in the queue, in seconds, in the overload test."""

BATCHES = (16, 32, 64, 128, 256)
LENGTH = 80
TURN = 1.5
"""Duration in seconds of each turn of the clients and of the bare loop. Turns are short because other load on the machine varies."""

SETTLE = 0.25
"""Duration in seconds of the warm-up of each turn, which is not measured."""

CONNECTIONS = 256
"""Number of concurrent connections in the overload test."""


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Load(NamedTuple):
    """The results of a load test: response times in seconds by status, and the duration in seconds."""

    seconds: dict[int, list[float]]
    took: float

    def rate(self, rows: int) -> float:
        return rows * len(self.seconds.get(200, ())) / self.took


def sequences(rows: int) -> list[str]:
    generator = np.random.default_rng(0)
    return ["".join(generator.choice(list("ACGT"), LENGTH)) for _ in range(rows)]


class Bare:
    """ONNX Runtime alone, on prepared windows, with its default number of threads."""

    def __init__(self, model: str) -> None:
        self.session = open_session(model, "cpu")
        (letters,) = self.session.get_inputs()
        generator = np.random.default_rng(0)
        self.windows = np.frombuffer(b"ACGT", np.uint8)[generator.integers(0, 4, (max(BATCHES), letters.shape[1]))]
        for batch in BATCHES:
            self.rate(batch, 0)

    def rate(self, batch: int, seconds: float) -> float:
        """Returns the throughput in windows per second."""
        begun, rows = time.perf_counter(), 0
        while not rows or time.perf_counter() - begun < seconds:
            self.session.run(None, {"letters": self.windows[:batch]})
            rows += batch
        return rows / (time.perf_counter() - begun)

    def turn(self) -> dict[int, float]:
        """Returns the throughput in windows per second for each batch size, after a warm-up."""
        self.rate(max(BATCHES), SETTLE)
        return {batch: self.rate(batch, TURN / len(BATCHES)) for batch in BATCHES}


def request(rows: int) -> bytes:
    """Returns a complete HTTP request with the sequences as binary strings."""
    data = b"".join(len(text).to_bytes(4, "little") + text.encode() for text in sequences(rows))
    head = f'{{"inputs":[{{"name":"sequences","datatype":"BYTES","shape":[{rows}],"parameters":{{"binary_data_size":{len(data)}}}}}]}}'
    lines = (
        "POST /v2/models/m/infer HTTP/1.1",
        "Host: x",
        f"Content-Length: {len(head) + len(data)}",
        f"Inference-Header-Content-Length: {len(head)}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n" + head).encode() + data


async def send_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> tuple[int, float]:
    begun = time.perf_counter()
    writer.write(body)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(head[9:12]), time.perf_counter() - begun


async def connect(port: int, clients: int) -> list[Connection]:
    return [await asyncio.open_connection("127.0.0.1", port) for _ in range(clients)]


async def load_closed(connections: list[Connection], body: bytes, seconds: float) -> Load:
    """Runs a closed-loop test: each client sends the next request after it receives a response. The warm-up is not measured."""
    found: dict[int, list[float]] = {}
    counted_from = time.perf_counter() + SETTLE
    end = counted_from + seconds

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while time.perf_counter() < end:
            status, took = await send_request(reader, writer, body)
            if counted_from <= time.perf_counter() < end:
                found.setdefault(status, []).append(took)

    await asyncio.gather(*(client(*connection) for connection in connections))
    return Load(found, seconds)


async def load_open(port: int, rate: float, body: bytes, seconds: float) -> Load:
    """Runs an open-loop test: sends `rate` requests per second without waiting for responses."""
    found: dict[int, list[float]] = {}
    free: asyncio.Queue = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))

    async def one() -> None:
        reader, writer = await free.get()
        status, took = await send_request(reader, writer, body)
        found.setdefault(status, []).append(took)
        free.put_nowait((reader, writer))

    # A task group discards finished tasks, so that the garbage collector does not scan them, and raises the errors of tasks.
    begun, asked = time.perf_counter(), 0
    async with asyncio.TaskGroup() as tasks:
        while (passed := time.perf_counter() - begun) < seconds:
            while asked < int(passed * rate):
                asked += 1
                tasks.create_task(one())
            await asyncio.sleep(0.001)
    return Load(found, time.perf_counter() - begun)


def together(loads: list[Load]) -> Load:
    """Combines the results of all turns."""
    found: dict[int, list[float]] = {}
    for load in loads:
        for status, seconds in load.seconds.items():
            found.setdefault(status, []).extend(seconds)
    return Load(found, sum(load.took for load in loads))


def memory(pid: int) -> float:
    """Returns the resident memory of a process in MB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


def show(name: str, load: Load, rows: int) -> None:
    counts = Counter({status: len(seconds) for status, seconds in load.seconds.items()})
    print(f"{name:28}{load.rate(rows):8,.0f} sequences per second; responses {dict(counts)}")
    for status, seconds in sorted(load.seconds.items()):
        p50, p99 = statistics.median(seconds), sorted(seconds)[int(0.99 * len(seconds))]
        print(f"{'':28}{status}: median {p50 * 1000:7.1f} ms, p99 {p99 * 1000:7.1f} ms, max {max(seconds) * 1000:7.1f} ms")


@contextlib.contextmanager
def server(model: str, settings: str) -> Iterator[tuple[int, int]]:
    """Context manager that starts a server, yields its process id and port, and terminates it with SIGTERM."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "settings.toml").write_text(settings)
        log = Path(folder) / "log"
        command = [*COMMAND, "serve", "-m", f"m={model}", "--port", "0", "--no-access-log", "--settings", f"{folder}/settings.toml"]
        process = subprocess.Popen(command, stderr=log.open("w"))
        while "Serving m" not in log.read_text():
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.1)
        yield process.pid, int(log.read_text().split("http://127.0.0.1:")[1].split(".")[0])
        process.terminate()
        if process.wait():
            raise SystemExit(f"The server ended with exit code {process.returncode}: {log.read_text()}")


def show_rate(options: argparse.Namespace, body: bytes) -> float:
    """Prints the throughput of the closed-loop clients and of the bare loop, run alternately. Returns the clients' median."""
    bare, alone, loads = Bare(options.model), [], []
    with server(options.model, SETTINGS) as (_, port), asyncio.Runner() as runner:
        connections = runner.run(connect(port, options.clients))
        runner.run(load_closed(connections, body, 2))
        for _ in range(max(2, round(options.seconds / TURN))):
            alone.append(bare.turn())
            loads.append(runner.run(load_closed(connections, body, TURN)))
    served = [load.rate(options.rows) for load in loads]
    rates = {batch: statistics.median(turn[batch] for turn in alone) for batch in BATCHES}
    best = max(rates, key=rates.__getitem__)
    print("ONNX Runtime alone          " + ", ".join(f"{rate:,.0f} at {batch}" for batch, rate in rates.items()) + " sequences per second")
    show(f"{options.clients} clients, {options.rows} rows each", together(loads), options.rows)
    shares = [rate / turn[best] for rate, turn in zip(served, alone, strict=True)]
    quarters = " to ".join(f"{share:.2f}" for share in statistics.quantiles(shares)[::2])
    rate = statistics.median(served)
    share = statistics.median(shares)
    print(f"{'':28}median of {len(shares)} turns {rate:,.0f}; {share:.2f} of ONNX Runtime at {best}, interquartile range {quarters}")
    return rate


def show_overload(options: argparse.Namespace, body: bytes, rate: float) -> None:
    with server(options.model, f"{SETTINGS}queue_seconds = {WAIT}\n") as (pid, port):
        asyncio.run(load_open(port, rate, body, 2))
        before = memory(pid)
        show(f"{rate * options.rows:,.0f} per second, overload", asyncio.run(load_open(port, rate, body, options.overload)), options.rows)
        print(f"memory of the server        {before:.0f} MB before, {memory(pid):.0f} MB after {options.overload:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", default=str(PACKAGED_MODEL))
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20, help="Duration in seconds of the closed-loop test.")
    parser.add_argument("--overload", type=float, default=20, help="Duration in seconds of the overload test.")
    options = parser.parse_args()
    print(provenance())
    body = request(options.rows)
    show_overload(options, body, 2 * show_rate(options, body) / options.rows)


if __name__ == "__main__":
    main()
