"""Tests of scoring many files with Ray. Without Ray, a stub runs the same classes in this process."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
import pytest
from toy_models import count

from dreamkeras.errors import DreamkerasError, InputError, MissingPackageError
from dreamkeras.files.folders import claim
from dreamkeras.formats.writers import open_writer
from dreamkeras.genome.tiles import Tile
from dreamkeras.genome.windows import GenomeWindows, Reader
from dreamkeras.scoring.cluster import FileScorer, Work, files_in, score_on_ray
from dreamkeras.scoring.pipeline import Scored, score_records
from dreamkeras.scoring.predictor import load
from dreamkeras.scoring.skipped import Skipped


@pytest.fixture
def folder(tmp_path):
    """Three files of sequences. The file a.fa contains a sequence that does not fit."""
    (tmp_path / "in").mkdir()
    for name, texts in {"b.fa": ["ACGT", "GGGG"], "a.fa": ["AAAA", "XX", "CCCCC"], "c.fa": ["ACGTAC"]}.items():
        (tmp_path / "in" / name).write_text("".join(f">{name[0]}{i}\n{text}\n" for i, text in enumerate(texts)))
    (tmp_path / "in" / ".hidden").write_text("no sequences")
    return tmp_path / "in"


@pytest.fixture
def work(toy_model, tmp_path):
    return Work((str(toy_model),), str(tmp_path / "out"), on_error="skip", device="cpu")


@pytest.fixture
def stand_in(monkeypatch):
    """Stub of the module `ray` that runs in one process and records the options that it is given."""
    ray, asked = types.ModuleType("ray"), {}

    class Data:
        def __init__(self, items):
            self.items = items

        def map_batches(self, kind, fn_constructor_args, **options):
            asked.update(options)
            actor = kind(*fn_constructor_args)
            rows = (actor({"path": np.array([item["path"]])})["outcome"][0] for item in self.items)
            return types.SimpleNamespace(iter_rows=lambda: ({"outcome": row} for row in rows))

    data = types.ModuleType("ray.data")
    data.from_items = lambda items, override_num_blocks: Data(items)
    data.ActorPoolStrategy = lambda min_size, max_size: (min_size, max_size)
    data.DataContext = types.SimpleNamespace(get_current=lambda: types.SimpleNamespace(enable_progress_bars=True))
    ray.data, ray.is_initialized, ray.cluster_resources = data, lambda: False, lambda: {"CPU": 8.0}
    ray.init = lambda **given: asked.update(given, environment=dict(os.environ))
    ray.shutdown = lambda: asked.update(ended=True)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.data", data)
    return asked


def local(path, predictor, output, **choices):
    with open_writer(str(output), predictor.columns, "tsv") as writer:
        return score_records(Reader().read([str(path)]), predictor, writer, **choices)


def test_results_are_byte_identical_to_the_local_engine(stand_in, folder, work, predictor, tmp_path):
    told = []
    scored = score_on_ray([str(folder)], work, progress=told.append)
    assert (scored.written, scored.skipped.count, sum(told)) == (5, 1, 6)
    assert "record 'a1'" in scored.skipped.reasons[0]
    assert sorted(path.name for path in Path(work.folder).iterdir()) == ["a.fa.tsv", "b.fa.tsv", "c.fa.tsv", "manifest.json"]
    for name in ("a.fa", "b.fa", "c.fa"):
        local(folder / name, predictor, tmp_path / name, on_error="skip")
        assert (Path(work.folder) / f"{name}.tsv").read_bytes() == (tmp_path / name).read_bytes()


def test_ray_is_started_with_the_number_of_threads_and_stopped(stand_in, folder, work):
    score_on_ray([str(folder)], work._replace(threads=2))
    assert (stand_in["num_cpus"], stand_in["num_gpus"], stand_in["compute"], stand_in["ended"]) == (2, None, (1, 3), True)
    assert stand_in["include_dashboard"] is False


def test_address_is_passed_to_ray(stand_in, folder, work):
    score_on_ray([str(folder)], work, address="auto")
    assert stand_in["address"] == "auto"


def test_a_record_that_does_not_fit_stops_the_run_which_can_be_resumed(stand_in, folder, work):
    strict = work._replace(on_error="fail")
    with pytest.raises(DreamkerasError, match=r"Expected DNA letters, got 'X' .* record 'a1'"):
        score_on_ray([str(folder / "b.fa"), str(folder / "a.fa")], strict)
    done = Path(work.folder) / "b.fa.tsv"
    before = done.stat().st_mtime_ns
    assert [path.name for path in Path(work.folder).glob("*.tsv")] == ["b.fa.tsv"]
    assert stand_in["ended"]
    with pytest.raises(InputError, match=r"^The output folder .* is not empty"):
        score_on_ray([str(folder / "b.fa")], strict)
    with pytest.raises(InputError, match="started with another choice of options and input"):
        score_on_ray([str(folder / "b.fa")], work, resume=True)
    with pytest.raises(DreamkerasError, match="record 'a1'"):
        score_on_ray([str(folder / "b.fa"), str(folder / "a.fa")], strict, resume=True)
    assert done.stat().st_mtime_ns == before


def test_resume_scores_only_files_without_results(stand_in, folder, work):
    score_on_ray([str(folder)], work)
    (Path(work.folder) / "b.fa.tsv").unlink()
    assert score_on_ray([str(folder)], work, resume=True) == Scored(2, Skipped())
    assert score_on_ray([str(folder)], work, resume=True) == Scored(0, Skipped())


def test_a_file_without_fitting_records_has_only_a_header(stand_in, tmp_path, work):
    (tmp_path / "x.fa").write_text(">x\nAC\n")
    scored = score_on_ray([str(tmp_path / "x.fa")], work)
    assert (scored.written, scored.skipped.count) == (0, 1)
    assert Path(work.folder, "x.fa.tsv").read_text() == "id\tgc\ta\n"


def test_genome_tiles_are_scored(work, tmp_path):
    Path(work.folder).mkdir()
    (tmp_path / "g.fa").write_text(">chr1\nACGTACGTACGTGGGG\n")
    scorer = FileScorer(work._replace(reader=Reader(GenomeWindows(tile=Tile(12, 4)))))
    (outcome,) = scorer({"path": np.array([str(tmp_path / "g.fa")])})["outcome"]
    assert json.loads(outcome) == {"written": 2, "skipped": 0, "reasons": []}
    rows = [line.split("\t") for line in Path(work.folder, "g.fa.tsv").read_text().splitlines()[1:]]
    assert rows == [["chr1:0-12", "6", "3"], ["chr1:4-16", *(f"{value:g}" for value in count("ACGTACGTGGGG"))]]


def test_inputs_are_files_or_the_files_of_folders(folder, tmp_path):
    names = [file.name for file in files_in([str(folder / "c.fa"), str(folder)])]
    assert names == ["c.fa", "a.fa", "b.fa", "c.fa"]
    with pytest.raises(InputError, match=r"not found: .*none"):
        files_in([str(tmp_path / "none")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"Found no files to score in .*empty"):
        files_in([str(tmp_path / "empty")])


def test_names_of_results_are_unique_and_formats_known(stand_in, folder, work):
    with pytest.raises(InputError, match=r"Two inputs are named 'c\.fa'"):
        score_on_ray([str(folder / "c.fa"), str(folder)], work)
    with pytest.raises(InputError, match="format to be one of tsv, csv, jsonl, parquet, got 'bigwig'"):
        score_on_ray([str(folder)], work._replace(format="bigwig"))


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_locked_by_another_process_is_refused(folder, work, stand_in, tmp_path, resume):
    with (
        claim(tmp_path / "out"),
        pytest.raises(DreamkerasError, match=r"^Another process is writing to .*out'\. Wait until that process has ended"),
    ):
        score_on_ray([str(folder)], work, resume=resume)
    assert not (tmp_path / "out").exists()
    assert score_on_ray([str(folder)], work, resume=resume).written == 5
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.fa.tsv", "b.fa.tsv", "c.fa.tsv", "manifest.json"]


class TestObjectStore:
    """Tests with inputs and results on a local S3 server."""

    @pytest.fixture
    def stored(self, bucket, folder):
        """The bucket, with the files of the folder as objects."""
        for file in folder.iterdir():
            bucket.put(f"in/{file.name}", file.read_bytes())
        return bucket

    @pytest.mark.parametrize("format", ["tsv", "parquet"])
    def test_objects_are_byte_identical_to_files_of_the_local_engine(self, stand_in, stored, folder, work, tmp_path, format):
        (tmp_path / "d.tsv").write_text("id\tsequence\nd0\tACGTA\n")
        stored_work = work._replace(folder=stored.url("out/here"), format=format)
        scored = score_on_ray([stored.url("in/"), (tmp_path / "d.tsv").as_uri()], stored_work)
        assert (scored.written, scored.skipped.count) == (6, 1)
        assert scored.skipped.reasons[0].endswith("record 'a1' (s3://promoters/in/a.fa, line 3)")
        score_on_ray([str(folder), str(tmp_path / "d.tsv")], work._replace(format=format))
        written = {key.removeprefix("out/here/") for key in stored.written() if key.startswith("out/")}
        assert written == {"manifest.json", *(f"{name}.{format}" for name in ("a.fa", "b.fa", "c.fa", "d.tsv"))}
        for name in written - {"manifest.json"}:
            assert stored.get(f"out/here/{name}") == Path(work.folder, name).read_bytes()

    def test_an_error_names_the_object_and_the_run_can_be_resumed(self, stand_in, stored, work):
        strict, inputs = work._replace(folder=stored.url("out"), on_error="fail"), [stored.url("in/b.fa"), stored.url("in/a.fa")]
        for resume in (False, True):
            with pytest.raises(DreamkerasError, match=r"'X' .* record 'a1' \(s3://promoters/in/a\.fa, line 3\)"):
                score_on_ray(inputs, strict, resume=resume)
        before = stored.written()
        assert {key for key in before if key.startswith("out/")} == {"out/manifest.json", "out/b.fa.tsv"}
        with pytest.raises(InputError, match=r"^The output folder s3://promoters/out is not empty"):
            score_on_ray(inputs, strict)
        stored.put("in/a.fa", b">a0\nAAAA\n")
        with pytest.raises(InputError, match=r"in s3://promoters/out: it was started with another input \(s3://promoters/in/a\.fa was"):
            score_on_ray(inputs, strict, resume=True)
        assert stored.written() == before

    def test_resume_scores_only_objects_without_results(self, stand_in, stored, work):
        there = work._replace(folder=stored.url("out"))
        score_on_ray([stored.url("in")], there)
        stored.delete("out/b.fa.tsv")
        assert score_on_ray([stored.url("in")], there, resume=True) == Scored(2, Skipped())
        assert score_on_ray([stored.url("in")], there, resume=True) == Scored(0, Skipped())

    def test_the_manifest_holds_no_password(self, stand_in, stored, work):
        user = "testing:secret-word@"
        score_on_ray([stored.url("in", user=user)], work._replace(folder=stored.url("out", user=user)))
        manifest = stored.get("out/manifest.json").decode()
        assert "s3://testing@promoters/in/a.fa" in manifest
        assert "secret-word" not in manifest
        assert "endpoint_override" not in manifest


def test_missing_ray_names_the_extra(folder, work, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'dreamkeras\[ray\]'"):
        score_on_ray([str(folder)], work)


def test_importing_the_module_imports_no_ray():
    code = "import sys, dreamkeras.scoring.cluster; print('ray' in sys.modules, 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False False\n"


@pytest.fixture
def promoters(tmp_path):
    """A folder of 40,000 sequences in 8 files."""
    random = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    for part in range(8):
        letters = random.choice(np.frombuffer(b"ACGT", np.uint8), (5000, 12))
        text = "".join(f">p{part}_{i}\n{row.tobytes().decode()}\n" for i, row in enumerate(letters))
        (tmp_path / "in" / f"{part}.fa").write_text(text)
    return tmp_path / "in"


def run_on_ray(*arguments):
    """Runs `dreamkeras predict --engine ray` in a separate process, because Ray changes warnings, signals and loggers of its process."""
    pytest.importorskip("ray")
    args = ["predict", *map(str, arguments), "--engine", "ray"]
    done = subprocess.run(
        [sys.executable, "-c", f"from dreamkeras.cli.main import main; main({args!r})"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "Traceback" not in done.stderr
    assert ".cc:" not in done.stderr  # messages of Ray's C++ code name their file


def test_ray_equals_the_local_engine_on_40000_promoters(toy_model, predictor, promoters, tmp_path):
    run_on_ray(promoters, "-m", toy_model, "-o", tmp_path / "out")
    for file in sorted(promoters.iterdir()):
        local(file, predictor, tmp_path / "local.tsv")
        assert (tmp_path / "out" / f"{file.name}.tsv").read_bytes() == (tmp_path / "local.tsv").read_bytes()


def test_ray_reads_and_writes_objects(toy_model, predictor, promoters, bucket, tmp_path):
    for file in list(promoters.iterdir())[2:]:
        bucket.put(f"in/{file.name}", file.read_bytes())
        file.rename(tmp_path / file.name)
    run_on_ray(promoters, bucket.url("in"), "-m", toy_model, "-o", bucket.url("out"))
    for part in range(8):
        file = next(path for path in (promoters / f"{part}.fa", tmp_path / f"{part}.fa") if path.exists())
        local(file, predictor, tmp_path / "local.tsv")
        assert bucket.get(f"out/{file.name}.tsv") == (tmp_path / "local.tsv").read_bytes()


class Doubling:
    """Adds a column with twice the first one, written as text."""

    def add_to(self, scorer):
        class Doubled(type(scorer)):
            columns = property(lambda self: (*scorer.columns, "twice"))
            texts = property(lambda self: {"twice": tuple(map(str, range(20)))})

            def add_columns(self, values, codes):
                return np.concatenate([values, 2 * values[:, :1]], axis=1)

        return Doubled(scorer.session, scorer.description)


def test_additional_columns_are_written(folder, work):
    scorer = FileScorer(work._replace(confidence=Doubling()))
    Path(work.folder).mkdir()
    scorer({"path": np.array([folder / "b.fa"])})
    assert (Path(work.folder) / work.output("b.fa")).read_text() == "id\ttwice\tgc\ta\nb0\t4\t2\t1\nb1\t8\t4\t0\n"


def test_each_process_has_one_gpu(stand_in, folder, work, monkeypatch):
    monkeypatch.setattr("dreamkeras.scoring.cluster.load", lambda models, device, threads: load(models, "cpu", threads))
    score_on_ray([str(folder)], work._replace(device="cuda"))
    assert stand_in["num_gpus"] == 1


@pytest.mark.parametrize(("temporary", "place"), [("/t", None), ("/" + "long" * 30, "/tmp")])
def test_ray_uses_tmp_if_the_temporary_folder_has_a_long_path(stand_in, folder, work, monkeypatch, tmp_path, temporary, place):
    made = {}
    monkeypatch.setattr("tempfile.gettempdir", lambda: temporary)

    def make(prefix, dir=None, **_):
        made[prefix] = dir
        return contextlib.nullcontext(str(tmp_path / prefix))

    monkeypatch.setattr("tempfile.TemporaryDirectory", make)
    score_on_ray([str(folder)], work)
    assert (made["ray-"], stand_in["_temp_dir"]) == (place, str(tmp_path / "ray-"))


class TestMessagesAndFilesOfRay:
    def test_c_plus_plus_code_logs_nothing_during_a_run(self, stand_in, folder, work, monkeypatch):
        monkeypatch.delenv("RAY_BACKEND_LOG_LEVEL", raising=False)
        score_on_ray([str(folder)], work)
        assert stand_in["environment"]["RAY_BACKEND_LOG_LEVEL"] == "fatal"
        assert "RAY_BACKEND_LOG_LEVEL" not in os.environ

    @pytest.mark.parametrize(("level", "shown"), [("", b""), ("debug", b"a message of C++ code\n")])
    def test_messages_at_the_start_are_shown_with_a_log_level_of_the_user(self, stand_in, folder, work, monkeypatch, capfd, level, shown):
        monkeypatch.setenv("RAY_BACKEND_LOG_LEVEL", level)
        monkeypatch.setattr(sys.modules["ray"], "init", lambda **_: os.write(2, b"a message of C++ code\n"))
        score_on_ray([str(folder)], work)
        assert capfd.readouterr().err.encode() == shown

    def test_log_level_of_the_user_is_kept(self, stand_in, folder, work, monkeypatch):
        monkeypatch.setenv("RAY_BACKEND_LOG_LEVEL", "debug")
        score_on_ray([str(folder)], work)
        assert stand_in["environment"]["RAY_BACKEND_LOG_LEVEL"] == "debug"

    def test_temporary_files_of_workers_are_in_a_folder_that_is_removed(self, stand_in, folder, work, monkeypatch):
        monkeypatch.setenv("TMPDIR", tempfile.gettempdir())
        score_on_ray([str(folder)], work)
        place = Path(stand_in["environment"]["TMPDIR"])
        assert place.parent == Path(tempfile.gettempdir())
        assert not place.exists()
        assert os.environ["TMPDIR"] == tempfile.gettempdir()

    def test_temporary_files_of_killed_workers_are_removed_after_a_failed_run(self, stand_in, folder, work, monkeypatch):
        """A worker is killed while it writes b.fa.tsv, and Ray gives up."""
        target = Path(work.folder, "b.fa.tsv")
        code = "import os, pathlib, signal, sys; from dreamkeras.files.temporary import create_beside\n"
        code += "file = create_beside(pathlib.Path(sys.argv[1])); file.write(b'x'); os.kill(os.getpid(), signal.SIGKILL)"

        def score(self, path):
            subprocess.run([sys.executable, "-c", code, target], check=False)
            assert len(list(target.parent.glob(".dreamkeras-*.tmp"))) == 1
            raise OSError("The actor died unexpectedly\nbefore finishing this task.")

        monkeypatch.setattr(FileScorer, "_score", score)
        with pytest.raises(DreamkerasError, match=r"^Ray stopped: The actor died unexpectedly before finishing this task\.$"):
            score_on_ray([str(folder / "b.fa")], work)
        assert [path.name for path in target.parent.iterdir()] == ["manifest.json"]

    @pytest.mark.parametrize(
        ("address", "message"), [(None, "^Cannot start Ray: timed out"), ("node:1", "^Cannot connect to Ray at node:1: timed out")]
    )
    def test_ray_that_cannot_be_started_is_one_line(self, stand_in, folder, work, address, message, monkeypatch):
        def fail(**_):
            raise ConnectionError("timed out")

        monkeypatch.setattr(sys.modules["ray"], "init", fail)
        with pytest.raises(DreamkerasError, match=message):
            score_on_ray([str(folder)], work, address=address)
        assert stand_in["ended"]
