"""Predicts named sequences in batches, and computes the saturation mutagenesis of one sequence.

The module does not depend on HTTP.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, TypeVar

import numpy as np

from dreamkeras.explain.mutagenesis import Mutagenesis
from dreamkeras.explain.mutants import Mutants
from dreamkeras.sequence.alphabet import BASES
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

from ..errors import OverloadedError, ProtocolError
from ..protocol.json_text import Fields, member
from ..served_model import ServedModel
from ..service import Service

__all__ = ["describe_model", "heading", "json_records", "mutate", "one_ahead", "score_batches"]

LONGEST_WAIT = 30.0
"""Maximum time in seconds that an upload waits for space in the queue."""

FIRST_PAUSE = 0.05
PROFILE = "profile"

_T = TypeVar("_T")


def heading(model: ServedModel) -> Fields:
    """Returns the JSON members that precede the predictions in an answer: model, version, columns and units."""
    return {"model": model.name, "version": model.version, "columns": model.predictor.columns, "units": model.predictor.units}


def describe_model(model: ServedModel) -> Fields:
    """Returns the name, version, tasks, units, columns and construct of a model."""
    predictor = model.predictor
    return {
        "name": model.name,
        "version": model.version,
        "tasks": list(predictor.tasks),
        "units": list(predictor.units),
        "columns": list(predictor.columns),
        "construct": {**predictor.construct.to_json(), "longest": predictor.construct.longest},
    }


def json_records(fields: Fields) -> Records:
    """Returns the records of `{"sequences": [...]}`. Each item is a string, or an object with `sequence` and an optional `id`.

    Raises:
        ProtocolError: The list is missing or empty, or an item is malformed.
    """
    items = member(fields, "sequences", list, ..., "the request")
    if not items:
        raise ProtocolError("Expected sequences, got an empty list.")
    ids, texts = [], []
    for number, item in enumerate(items, 1):
        named = item if isinstance(item, dict) else {"sequence": item}
        texts.append(member(named, "sequence", str, ..., f"sequence {number}"))
        ids.append(member(named, "id", str, str(number), f"sequence {number}"))
    return Records(ids, Ragged.from_strings(texts), np.arange(1, len(ids) + 1), "the request")


async def score_batches(
    service: Service, model: ServedModel, batches: AsyncIterator[Records]
) -> AsyncGenerator[tuple[Records, np.ndarray], None]:
    """Yields records and their predictions, float32 (n, columns), batch by batch.

    The windows of the next batch are cut while the current batch is being scored.

    Raises:
        InputError: A record does not fit the construct. The message contains the name and line of the record.
        OverloadedError: The queue is full for the first batch, or stays full for `LONGEST_WAIT` seconds for a later batch.
    """
    patience = 0.0
    cut = ((records, model.predictor.construct.cut(records)) async for records in batches)
    async with aclosing(one_ahead(cut)) as ahead:
        async for records, windows in ahead:
            yield records, await _score(service, model, windows, patience)
            patience = LONGEST_WAIT


async def mutate(service: Service, model: ServedModel, sequence: str) -> Fields:
    """Computes the saturation mutagenesis of a sequence, and returns the results as fields for JSON (see `Mutagenesis`).

    Raises:
        InputError: The sequence does not fit the construct.
        OverloadedError: The queue is full.
    """
    records = json_records({"sequences": [sequence]})
    constructs = model.predictor.constructs
    reference = constructs[0].cut(records)
    mutants = Mutants(records.sequences, constructs)
    (windows,) = await asyncio.to_thread(mutants.windows, 0, len(mutants))
    tasks = len(model.predictor.tasks)
    values = (await _score(service, model, np.concatenate([reference, windows]), 0))[:, :tasks]
    found = Mutagenesis(records.ids, mutants.inserts, values[:1], mutants.effects(values[:1], values[1:]))
    return {
        **heading(model),
        "tasks": list(model.predictor.tasks),
        "insert": found.inserts[0],
        "bases": BASES,
        "reference": found.reference[0].tolist(),
        "effects": found.effects.tolist(),
        "importance": found.importance().tolist(),
    }


async def one_ahead(items: AsyncGenerator[_T, None]) -> AsyncGenerator[_T, None]:
    """Yields the items of a generator. The next item is computed while the current item is being used."""
    async with aclosing(items):
        task = asyncio.ensure_future(_next(items))
        try:
            while (item := await task) is not None:
                task = asyncio.ensure_future(_next(items))
                yield item
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _next(items: AsyncIterator[_T]) -> _T | None:
    return await anext(items, None)


async def _score(service: Service, model: ServedModel, windows: np.ndarray, patience: float) -> np.ndarray:
    """Returns predictions, float32 (n, columns). Waits up to `patience` seconds for space in the queue."""
    pause = FIRST_PAUSE
    while True:
        try:
            answers: dict[str, Any] = await service.batcher.score(model, windows)
            break
        except OverloadedError:
            if service.stopping or patience <= 0:
                raise
            await asyncio.sleep(pause)
            patience, pause = patience - pause, pause * 2
    return np.concatenate([values for name, values in answers.items() if name != PROFILE], axis=1)
