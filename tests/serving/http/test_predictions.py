import asyncio
from types import SimpleNamespace

import numpy as np
import pytest
import virtual_time
from running_server import QUICK
from toy_models import count

from dreamkeras.errors import InputError
from dreamkeras.scoring.predictor import load
from dreamkeras.serving.auth import Guard
from dreamkeras.serving.errors import OverloadedError, ProtocolError
from dreamkeras.serving.http import predictions as module
from dreamkeras.serving.http.predictions import describe_model, heading, json_records, mutate, one_ahead, score_batches
from dreamkeras.serving.service import Service


@pytest.fixture
def service(make_repository):
    service = Service(QUICK, make_repository(), Guard())
    service.batcher.start()
    yield service
    service.batcher.close()


async def given(batches):
    for batch in batches:
        yield batch


def scored(service, *batches):
    async def run():
        return [item async for item in score_batches(service, service.models.get("toy"), given(batches))]

    return asyncio.run(run())


class TestRecords:
    def test_strings_are_numbered_and_objects_keep_their_ids(self):
        records = json_records({"sequences": ["ACGT", {"id": "b", "sequence": "GG"}, {"sequence": "T"}]})
        assert (records.ids, list(records.sequences)) == (["1", "b", "3"], ["ACGT", "GG", "T"])

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({}, "'sequences' of the request"),
            ({"sequences": []}, "got an empty list"),
            ({"sequences": "ACGT"}, "'sequences' of the request to be a JSON array"),
            ({"sequences": ["A", 5]}, "'sequence' of sequence 2 to be a JSON string, got int"),
            ({"sequences": [{"id": "a"}]}, "'sequence' of sequence 1 to be a JSON string, got none"),
            ({"sequences": [{"id": 1, "sequence": "A"}]}, "'id' of sequence 1 to be a JSON string, got int"),
        ],
    )
    def test_malformed_sequence_lists_are_refused(self, fields, message):
        with pytest.raises(ProtocolError, match=message):
            json_records(fields)


class TestScore:
    def test_batches_keep_the_records_in_order(self, service):
        batches = [json_records({"sequences": texts}) for texts in (["ACGT", "GGGGA"], ["AAAA"] * 20)]
        found = scored(service, *batches)
        assert [records for records, _ in found] == batches
        np.testing.assert_array_equal(
            np.concatenate([values for _, values in found]), [count(text) for batch in batches for text in batch.sequences]
        )

    def test_error_has_the_name_of_the_record(self, service):
        with pytest.raises(InputError, match=r"got 3 in record 'b' \(the request, line 2\)"):
            scored(service, json_records({"sequences": ["ACGT", {"id": "b", "sequence": "ACG"}]}))

    def test_full_queue_refuses_the_first_batch_and_delays_later_ones(self, service, monkeypatch):
        score, calls = service.batcher.score, []

        async def crowded(*args):
            calls.append(1)
            if len(calls) in (2, 3):
                raise OverloadedError("full", 1)
            return await score(*args)

        monkeypatch.setattr(service.batcher, "score", crowded)
        batch = json_records({"sequences": ["ACGT"]})
        assert len(scored(service, batch, batch)) == 2
        assert len(calls) == 4
        calls[:] = [1]
        with pytest.raises(OverloadedError):
            scored(service, batch)

    def test_later_batch_fails_after_the_longest_wait(self, service, monkeypatch):
        score, calls, pauses = service.batcher.score, [], []

        async def crowded(*args):
            calls.append(1)
            if len(calls) > 1:
                raise OverloadedError("full", 1)
            return await score(*args)

        async def pause(seconds):
            assert len(pauses) < 100
            pauses.append(seconds)

        monkeypatch.setattr(service.batcher, "score", crowded)
        monkeypatch.setattr(module, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": pause}))
        batch = json_records({"sequences": ["ACGT"]})
        with pytest.raises(OverloadedError):
            scored(service, batch, batch)
        assert pauses == [module.FIRST_PAUSE * 2**i for i in range(len(pauses))]
        assert sum(pauses[:-1]) < module.LONGEST_WAIT <= sum(pauses)


class TestMutate:
    def test_effects_match_predictions_of_each_substitution(self, service):
        found = asyncio.run(mutate(service, service.models.get("toy"), "ACGT"))
        assert (found["tasks"], found["insert"], found["bases"], found["reference"]) == (["gc", "a"], "ACGT", "ACGT", [2, 1])
        wanted = [[np.subtract(count("ACGT"[:i] + base + "ACGT"[i + 1 :]), count("ACGT")).tolist() for base in "ACGT"] for i in range(4)]
        assert found["effects"] == wanted
        np.testing.assert_allclose(found["importance"], [[-2 / 3, 1], [2 / 3, -1 / 3], [2 / 3, -1 / 3], [-2 / 3, -1 / 3]], atol=1e-6)

    def test_a_sequence_that_does_not_fit_is_refused(self, service):
        with pytest.raises(InputError, match="Expected 4 to 12 bases"):
            asyncio.run(mutate(service, service.models.get("toy"), "A"))


def test_model_description_has_columns_and_construct(service, toy_model):
    model = service.models.get("toy")
    assert heading(model) == {"model": "toy", "version": "1", "columns": ("gc", "a"), "units": ("letters", "letters")}
    construct = describe_model(model)["construct"]
    assert (construct["name"], construct["shortest"], construct["longest"]) == ("toy", 4, load(toy_model).construct.longest)


def test_one_ahead_computes_the_next_item_early_and_closes_its_source():
    made, closed = [], []

    async def items():
        try:
            for number in range(1, 10):
                made.append(number)
                yield number
        finally:
            closed.append(True)

    async def run():
        ahead = one_ahead(items())
        first = await anext(ahead)
        await asyncio.sleep(1)
        seen = list(made)
        await ahead.aclose()
        return first, seen

    assert virtual_time.run(run()) == (1, [1, 2])
    assert closed == [True]
