import itertools
import threading
import time
import weakref

import numpy as np
import pytest
from toy_models import count

from dreamkeras.errors import InputError
from dreamkeras.formats.reading import read_files
from dreamkeras.formats.writers import open_writer
from dreamkeras.scoring import pipeline
from dreamkeras.scoring.pipeline import Scored, overlapped, score_into_shards, score_records, write_parts
from dreamkeras.scoring.shards import Shards
from dreamkeras.scoring.skipped import REASONS, Skipped
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records


class Kept:
    """Writer that keeps rows in memory."""

    def __init__(self):
        self.ids, self.values, self.batches = [], [], 0

    def write(self, ids, values, labels=()):
        self.ids += ids
        self.values += values.tolist()
        self.batches += 1


@pytest.fixture
def writer():
    return Kept()


def fasta(path, sequences, prefix="s"):
    path.write_text("".join(f">{prefix}{i}\n{text}\n" for i, text in enumerate(sequences)))
    return str(path)


def records_of(sequences, first=0, source="stub"):
    names = [f"s{i}" for i in range(first, first + len(sequences))]
    return Records(names, Ragged.from_strings(sequences), np.arange(len(sequences)) + 1, source)


def score_files(paths, predictor, writer, id_column=None, sequence_column=None, **choices):
    return score_records(read_files(paths, id_column=id_column, sequence_column=sequence_column), predictor, writer, **choices)


def test_ids_order_and_values_are_kept(tmp_path, predictor, writer):
    sequences = ["ACGT", "gggggggg", "ACGTACGTACGN", "TTTTT"]
    assert score_files([fasta(tmp_path / "a.fa", sequences)], predictor, writer) == Scored(4, Skipped())
    assert writer.ids == ["s0", "s1", "s2", "s3"]
    assert writer.values == [count(text) for text in sequences]


def test_mixed_lengths_in_many_batches_keep_their_order(predictor, writer):
    sequences = ["G" * (4 + i % 9) for i in range(500)]
    batches = [records_of(sequences[i : i + 37], i) for i in range(0, 500, 37)]
    score_records(batches, predictor, writer, batch_size=8)
    assert writer.ids == [f"s{i}" for i in range(500)]
    assert [gc for gc, _ in writer.values] == [len(text) for text in sequences]


def test_files_follow_one_another(tmp_path, predictor, writer):
    paths = [fasta(tmp_path / "b.fa", ["GGGG", "AAAA"], "b"), fasta(tmp_path / "a.fa", ["CCCCC"], "a")]
    assert score_files(paths, predictor, writer).written == 3
    assert writer.ids == ["b0", "b1", "a0"]


def test_repeated_ids_and_sequences_are_all_written(tmp_path, predictor, writer):
    (tmp_path / "a.fa").write_text(">x\nACGT\n>x\nACGT\n>x\nGGGG\n")
    score_files([str(tmp_path / "a.fa")], predictor, writer)
    assert (writer.ids, writer.values) == (["x", "x", "x"], [[2, 1], [2, 1], [4, 0]])


@pytest.mark.parametrize(("id_column", "sequence_column"), [("gene", "promoter"), (2, 0)])
def test_columns_of_tables_are_chosen(tmp_path, predictor, writer, id_column, sequence_column):
    (tmp_path / "a.tsv").write_text("promoter\tvalue\tgene\nACGT\t1\tURA3\nGGGG\t2\tHIS3\n")
    score_files([str(tmp_path / "a.tsv")], predictor, writer, id_column=id_column, sequence_column=sequence_column)
    assert (writer.ids, writer.values) == (["URA3", "HIS3"], [[2, 1], [4, 0]])


def test_rows_agree_with_predict(tmp_path, predictor):
    sequences = ["ACGTNACG", "GGGGGCCCCCAA"]
    with open_writer(str(tmp_path / "o.tsv"), predictor.tasks) as writer:
        score_files([fasta(tmp_path / "a.fa", sequences)], predictor, writer)
    rows = [line.split("\t") for line in (tmp_path / "o.tsv").read_text().splitlines()]
    assert rows[0] == ["id", "gc", "a"]
    np.testing.assert_array_equal(np.array([row[1:] for row in rows[1:]], float), predictor.predict(sequences))


def test_small_batches_of_records_are_joined_for_the_model(predictor, writer, monkeypatch):
    asked, score = [], predictor.score_windows
    monkeypatch.setattr(predictor, "score_windows", lambda windows, *rest: asked.append(len(windows[0])) or score(windows, *rest))
    monkeypatch.setattr(pipeline, "GATHERED", 100)
    texts = ["".join(letters) for letters in itertools.islice(itertools.product("ACGT", repeat=6), 250)]
    records = (records_of([texts[i], "X" * 5000], 2 * i) for i in range(250))
    scored = score_records(records, predictor, writer, on_error="skip")
    assert (scored.written, scored.skipped.count, asked) == (250, 250, [100, 100, 50])
    assert (writer.ids, writer.values) == ([f"s{2 * i}" for i in range(250)], [count(text) for text in texts])


def test_gathered_windows_are_bounded_in_letters(predictor, writer, monkeypatch):
    asked, score = [], predictor.score_windows
    monkeypatch.setattr(predictor, "score_windows", lambda windows, *rest: asked.append(windows[0].size) or score(windows, *rest))
    monkeypatch.setattr(pipeline, "BATCH_LETTERS", 5 * predictor.construct.length)
    texts = ["".join(letters) for letters in itertools.islice(itertools.product("ACGT", repeat=4), 12)]
    score_records((records_of([text], i) for i, text in enumerate(texts)), predictor, writer)
    assert asked == [5 * predictor.construct.length, 5 * predictor.construct.length, 2 * predictor.construct.length]
    assert writer.values == [count(text) for text in texts]


def test_repeated_windows_are_scored_once_across_batches(predictor, writer, monkeypatch):
    asked, score = [], predictor.score_windows
    monkeypatch.setattr(predictor, "score_windows", lambda windows, *rest: asked.append(len(windows[0])) or score(windows, *rest))
    monkeypatch.setattr(pipeline, "GATHERED", 3)
    score_records([records_of(["ACGT", "GGGG", "CCCC"]), records_of(["AAAA", "GGGG", "ACGT"], 3)], predictor, writer)
    assert asked == [3, 1]
    assert writer.values == [count(text) for text in ("ACGT", "GGGG", "CCCC", "AAAA", "GGGG", "ACGT")]


class TestUnfitRecords:
    SEQUENCES = ("ACGT", "ACX-", "GGGG", "ACG", "A" * 13, "CCCC")

    def test_first_one_fails_with_its_place(self, tmp_path, predictor, writer):
        path = fasta(tmp_path / "a.fa", self.SEQUENCES)
        with pytest.raises(InputError, match=r"got 'X' at position 3 in record 's1' \(.*a\.fa, line 3\)"):
            score_files([path], predictor, writer)

    def test_skipped_records_have_no_rows_and_are_counted(self, tmp_path, predictor, writer):
        scored = score_files([fasta(tmp_path / "a.fa", self.SEQUENCES)], predictor, writer, on_error="skip")
        assert (writer.ids, writer.values) == (["s0", "s2", "s5"], [[2, 1], [4, 0], [4, 0]])
        assert (scored.written, scored.skipped.count) == (3, 3)
        assert ["record 's1'" in scored.skipped.reasons[0], "got 3 in record 's3'" in scored.skipped.reasons[1]] == [True, True]

    def test_only_the_first_few_reasons_are_kept(self, predictor, writer):
        batches = [*(records_of(["X"] * 3, 3 * i) for i in range(20)), records_of(["ACGT"])]
        scored = score_records(batches, predictor, writer, on_error="skip")
        assert (scored.written, scored.skipped.count, len(scored.skipped.reasons)) == (1, 60, REASONS)
        assert [f"'s{i}'" in reason for i, reason in enumerate(scored.skipped.reasons)] == [True] * REASONS

    def test_it_is_an_error_if_no_record_fits(self, predictor, writer):
        batches = [records_of(["X"] * 3)]
        with pytest.raises(InputError, match=r"^None of the 3 sequences fits the model\. The first one: Expected DNA letters.*'s0'"):
            score_records(batches, predictor, writer, on_error="skip")

    def test_batch_without_a_fit_record_is_not_written(self, predictor, writer):
        batches = [records_of(["X"]), records_of(["ACGT"])]
        score_records(batches, predictor, writer, on_error="skip")
        assert (writer.batches, writer.values) == (1, [[2, 1]])

    def test_an_empty_file_is_an_error_with_skip(self, tmp_path, predictor, writer):
        (tmp_path / "empty.fa").write_bytes(b"")
        with pytest.raises(InputError, match="empty"):
            score_files([str(tmp_path / "empty.fa")], predictor, writer, on_error="skip")

    def test_unknown_on_error_is_refused(self, predictor, writer):
        with pytest.raises(InputError, match="fail, skip, got 'ignore'"):
            score_files([], predictor, writer, on_error="ignore")


def test_progress_adds_up_to_the_records(tmp_path, predictor, writer):
    told = []
    sequences = ["".join(letters) for letters in itertools.islice(itertools.product("ACGT", repeat=4), 10)]
    score_files([fasta(tmp_path / "a.fa", sequences)], predictor, writer, batch_size=4, progress=told.append)
    assert told == [4, 4, 2]


def test_repeated_windows_are_scored_once_within_a_batch(tmp_path, predictor, writer, monkeypatch):
    asked, told, score = [], [], predictor.score_windows
    monkeypatch.setattr(predictor, "score_windows", lambda windows, *rest: asked.append(len(windows[0])) or score(windows, *rest))
    sequences = ["ACGT", "GGGG", "ACGT", "AAAA", "GGGG", "ACGT"]
    score_files([fasta(tmp_path / "a.fa", sequences)], predictor, writer, progress=told.append)
    assert (asked, sum(told)) == ([3], 6)
    assert (writer.ids, writer.values) == ([f"s{i}" for i in range(6)], [count(sequence) for sequence in sequences])


class TestShards:
    def score(self, path, predictor, folder, **choices):
        writer, shards = Kept(), Shards(folder, {})
        score_into_shards(read_files([path]), predictor, shards, **choices)
        return writer, write_parts(shards, writer)

    def test_resumed_run_scores_only_missing_shards_and_writes_all(self, tmp_path, predictor, monkeypatch):
        monkeypatch.setattr(pipeline, "SHARD", 3)
        random = np.random.default_rng(0)
        sequences = ["".join(random.choice(list("ACGTX"), 6, p=[0.24] * 4 + [0.04])) for _ in range(20)]
        path = fasta(tmp_path / "a.fa", sequences)
        whole, scored = self.score(path, predictor, tmp_path / "whole", on_error="skip")
        assert scored.skipped.count > 0
        monkeypatch.setattr(Shards, "add", failing_after(2, Shards.add))
        with pytest.raises(KeyboardInterrupt):
            self.score(path, predictor, tmp_path / "cut", on_error="skip")
        monkeypatch.undo()
        monkeypatch.setattr(pipeline, "SHARD", 3)
        asked, score = [], predictor.score_windows
        monkeypatch.setattr(predictor, "score_windows", lambda windows, *rest: asked.append(len(windows[0])) or score(windows, *rest))
        came, again = self.score(path, predictor, tmp_path / "cut", on_error="skip")
        assert (came.ids, came.values, again) == (whole.ids, whole.values, scored)
        assert sum(asked) <= 20 - 2 * 3


def failing_after(shards, add):
    """Returns a `Shards.add` that raises `KeyboardInterrupt` after the given number of shards."""

    def interrupted(self, shard):
        if self.done == shards:
            raise KeyboardInterrupt
        add(self, shard)

    return interrupted


@pytest.mark.parametrize("broken", ["reader", "writer"])
def test_exceptions_of_reader_and_writer_propagate(predictor, writer, broken):
    def reader():
        yield records_of(["ACGT"])
        if broken == "reader":
            raise OSError(5, "Input/output error", "stub")
        yield from (records_of(["ACGT"]) for _ in itertools.count())

    def full(*columns):
        raise OSError(28, "No space left on device")

    batches = reader()
    if broken == "writer":
        writer.write = full
    with pytest.raises(OSError, match="Input/output error" if broken == "reader" else "No space left"):
        score_records(batches, predictor, writer)


def test_next_batch_is_read_while_the_model_scores(predictor, writer, monkeypatch):
    monkeypatch.setattr(pipeline, "GATHERED", 1)
    read_on = threading.Event()

    def reader():
        yield from (records_of([sequence]) for sequence in ("ACGT", "ACGG"))
        read_on.set()
        yield records_of(["ACCC"])

    def score_windows(windows, *others):
        assert read_on.wait(20)
        return np.zeros((len(windows[0]), len(predictor.columns)), np.float32)

    monkeypatch.setattr(predictor, "score_windows", score_windows)
    assert score_records(reader(), predictor, writer).written == 3


def test_an_error_of_the_reader_cancels_scoring(predictor, writer, monkeypatch):
    monkeypatch.setattr(pipeline, "GATHERED", 1)
    begun, scored, sequences = threading.Event(), 0, ["".join(letters) for letters in itertools.product("ACGT", repeat=4)]

    def progress(number):
        nonlocal scored
        scored += number
        begun.set()
        time.sleep(0.02)

    def reader():
        yield from (records_of(sequences) for _ in range(2))
        assert begun.wait(20)
        raise OSError(5, "Input/output error", "stub")

    with pytest.raises(OSError, match="Input/output error"):
        score_records(reader(), predictor, writer, batch_size=1, progress=progress)
    assert 1 <= scored < len(sequences)


def test_few_batches_are_in_memory_at_a_time(predictor, writer):
    alive, most = weakref.WeakSet(), 0

    class Letters(np.ndarray):
        __hash__ = object.__hash__

    def reader():
        nonlocal most
        for i in range(60):
            records = records_of(["ACGT"] * 5, 5 * i)
            letters = records.sequences.flat.view(Letters)
            alive.add(letters)
            most = max(most, len(alive))
            yield records._replace(sequences=Ragged(letters, records.sequences.offsets))

    batches = reader()
    assert score_records(batches, predictor, writer).written == 300
    assert most <= 2


def test_batches_that_reach_the_limit_exactly_are_joined(predictor, writer, monkeypatch):
    asked, score = [], predictor.score_windows
    monkeypatch.setattr(predictor, "score_windows", lambda windows, *rest: asked.append(len(windows[0])) or score(windows, *rest))
    monkeypatch.setattr(pipeline, "GATHERED", 4)
    texts = ["".join(letters) for letters in itertools.islice(itertools.product("ACGT", repeat=4), 8)]
    score_records((records_of(texts[i : i + 2], i) for i in range(0, 8, 2)), predictor, writer)
    assert asked == [4, 4]


def test_waiting_batches_are_not_scored_after_close():
    started, is_waiting = [], threading.Event()

    def score(batch, tell):
        started.append(batch)
        while batch > 0:
            is_waiting.set()
            tell(0)  # raises once the generator is closed
            time.sleep(0.001)
        return batch

    found = overlapped(range(100), score, None)
    assert next(found) == 0
    is_waiting.wait()
    found.close()
    assert started == [0, 1]
