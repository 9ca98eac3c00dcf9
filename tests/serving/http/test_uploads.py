import asyncio
import gzip
import threading

import pytest

from dreamkeras.errors import InputError
from dreamkeras.serving.errors import ProtocolError
from dreamkeras.serving.http import uploads as module
from dreamkeras.serving.http.uploads import ROWS, Uploads

FASTA = "".join(f">s{number} of many\nACGT{'ACGT'[number % 4]}\n" for number in range(3 * ROWS)).encode()


def pieces(data, size):
    return [data[first : first + size] for first in range(0, len(data), size)]


async def sent(chunks):
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk


def read(chunks, **options):
    async def collect():
        return [records async for records in Uploads().read(sent(chunks), **options)]

    return asyncio.run(collect())


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: gzip.compress(data[:1000]) + gzip.compress(data[1000:])])
@pytest.mark.parametrize("size", [97, 4096, 1 << 20])
def test_records_do_not_depend_on_chunks_and_compression(pack, size):
    found = read(pieces(pack(FASTA), size))
    assert [name for records in found for name in records.ids] == [f"s{number}" for number in range(3 * ROWS)]
    assert [text for records in found[:1] for text in list(records.sequences)[:4]] == ["ACGTA", "ACGTC", "ACGTG", "ACGTT"]
    assert max(len(records.ids) for records in found) <= ROWS


def test_columns_of_a_table_may_be_selected():
    (records,) = read([b"a,b,c\n1,ACGT,x\n"], id_column="c", sequence_column=1)
    assert (records.ids, records.sequences[0]) == (["x"], "ACGT")


def test_first_records_are_returned_before_the_last_bytes_arrive():
    async def run():
        first_read = asyncio.Event()

        async def chunks():
            for _ in range(20):
                yield FASTA
            await asyncio.wait_for(first_read.wait(), 10)
            yield b">last\nACGT\n"

        names = []
        async for records in Uploads().read(chunks()):
            first_read.set()
            names += records.ids
        return names[-1]

    assert asyncio.run(run()) == "last"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Cannot read the request's body: it is empty"),
        (b"PAR1....", "Cannot read Parquet from the request's body"),
        (b">a\nACGT\n>b\nAC\0T\n", "is 0"),
        (b"id\tvalue\n1\t2\n", "sequence"),
    ],
)
def test_files_without_sequences_are_refused(data, message):
    with pytest.raises(InputError, match=message):
        read([data])


@pytest.mark.parametrize(("cut", "message"), [(slice(0, -9), "Gzip file is truncated"), (slice(0, 40), "Gzip file is truncated")])
def test_truncated_gzip_file_is_refused(cut, message):
    with pytest.raises(ProtocolError, match=message) as caught:
        read([gzip.compress(FASTA)[cut]])
    assert caught.value.status == 400


def test_damaged_gzip_file_is_refused():
    with pytest.raises(ProtocolError, match="Gzip file is damaged: "):
        read([b"\x1f\x8b\x08broken and broken again"])


def test_too_long_record_is_refused_before_it_fills_memory(monkeypatch):
    monkeypatch.setattr(module, "RECORD", 1 << 20)
    with pytest.raises(ProtocolError, match="at most 1048576 bases") as caught:
        read([gzip.compress(b">long\n" + b"A" * (1 << 23))])
    assert caught.value.status == 413


def test_more_uploads_than_threads_are_refused(monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 1)

    async def run():
        uploads = Uploads()
        first = uploads.read(sent([FASTA]))
        await anext(first)
        with pytest.raises(ProtocolError, match="Server busy: 1 uploads are being read") as caught:
            await anext(uploads.read(sent([FASTA])))
        await first.aclose()
        return caught.value.status, len((await anext(uploads.read(sent([b">a\nA\n"])))).ids)

    assert asyncio.run(run()) == (503, 1)


def test_no_thread_keeps_waiting_after_an_upload_is_abandoned():
    async def run():
        uploads, waits, never = Uploads(), asyncio.Event(), asyncio.Event()

        async def chunks():
            for _ in range(20):
                yield FASTA
            waits.set()
            await never.wait()

        reading = uploads.read(chunks())
        await anext(reading)
        task = asyncio.ensure_future(_exhaust(reading))
        await waits.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return len((await anext(uploads.read(sent([b">a\nA\n"])))).ids)

    assert asyncio.run(asyncio.wait_for(run(), 20)) == 1
    assert threading.active_count() < 100


async def _exhaust(reading):
    async for _ in reading:
        pass
