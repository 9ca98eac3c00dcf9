"""The OpenAPI document of `/v1`."""

import importlib.metadata
from collections.abc import Iterable
from typing import Any

from dreamkeras.sequence.alphabet import IUPAC

__all__ = ["openapi_document"]

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": ["number", "null"]}
NUMBERS: Schema = {"type": "array", "items": NUMBER}
TEXTS: Schema = {"type": "array", "items": TEXT}
SEQUENCE: Schema = {
    "type": "string",
    "description": "DNA letters, IUPAC codes too, in any case, with both adapters or with neither.",
    "pattern": f"^[{''.join(IUPAC)}{''.join(IUPAC).lower()}]+$",
}
MODEL: Schema = {"type": "string", "description": "The model's name; may be left out where there is only one."}
VERSION: Schema = {"type": "string", "description": "Its version; the newest if left out."}
NAMED = {"type": "object", "properties": {"id": TEXT, "sequence": SEQUENCE}, "required": ["sequence"]}

EXAMPLE = "ACGT" * 20


def _object(required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": required}


def _listed(**properties: Schema) -> Schema:
    return _object(list(properties), **properties)


SCHEMAS: dict[str, Schema] = {
    "Error": _listed(error={"type": "string", "description": "What was wanted and what came."}),
    "Model": _listed(name=TEXT, version=TEXT, tasks=TEXTS, units=TEXTS, columns=TEXTS, construct={"type": "object"}),
    "Models": _listed(models={"type": "array", "items": {"$ref": "#/components/schemas/Model"}}),
    "PredictRequest": _object(
        ["sequences"], model=MODEL, version=VERSION, sequences={"type": "array", "items": {"anyOf": [SEQUENCE, NAMED]}, "minItems": 1}
    ),
    "Predictions": _listed(
        model=TEXT,
        version=TEXT,
        columns=TEXTS,
        units=TEXTS,
        predictions={"type": "array", "items": {"type": "object", "properties": {"id": TEXT}, "additionalProperties": True}},
    ),
    "MutagenesisRequest": _object(["sequence"], model=MODEL, version=VERSION, sequence=SEQUENCE),
    "Mutagenesis": _listed(
        model=TEXT,
        version=TEXT,
        columns=TEXTS,
        units=TEXTS,
        tasks=TEXTS,
        insert={"type": "string", "description": "The letters that were changed."},
        bases={"type": "string", "description": "The order of the changes."},
        reference={**NUMBERS, "description": "The prediction of the sequence as it stands; a number a task."},
        effects={
            "type": "array",
            "items": {"type": "array", "items": NUMBERS},
            "description": "By letter, base and task: the prediction with the letter changed, minus the reference.",
        },
        importance={
            "type": "array",
            "items": NUMBERS,
            "description": "By letter and task: what is lost, on average, where it becomes another base.",
        },
    ),
}

FILES = ("text/x-fastq", "text/tab-separated-values", "text/csv", "text/plain", "application/gzip", "application/octet-stream")
ANSWERS = ("text/tab-separated-values", "text/csv", "application/x-ndjson")

REFUSALS = {
    "400": "The request is malformed, or a sequence does not fit the model.",
    "401": "The server asks for a token.",
    "404": "There is no such model.",
    "408": "The body came too slowly.",
    "413": "The body is too large.",
    "415": "The body is encoded in an unknown way.",
    "503": "Too much is waiting; the header Retry-After says when to come again.",
}


def _media(name: str, **more: Any) -> Schema:
    return {"schema": {"$ref": f"#/components/schemas/{name}"}, **more}


def _responses(description: str, name: str, refusals: Iterable[str] = REFUSALS) -> Schema:
    found = {"200": {"description": description, "content": {"application/json": _media(name)}}}
    return found | {status: {"description": REFUSALS[status], "content": {"application/json": _media("Error")}} for status in refusals}


def _query(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema}


MODELS: Schema = {
    "operationId": "models",
    "summary": "The loaded models",
    "description": "Their tasks, units, and the construct that sequences have to fit.",
    "responses": _responses("The models.", "Models", ["401"]),
}
PREDICT: Schema = {
    "operationId": "predict",
    "summary": "Predictions of sequences",
    "description": (
        "A body that is no JSON is read as a file, while it comes: FASTA, FASTQ, TSV, CSV or one sequence a line, plain or gzip. "
        "It is answered as TSV unless Accept names another type; what goes wrong after the first MiB of an answer cuts it off. "
        "Model and version may stand in a JSON body, too."
    ),
    "parameters": [
        _query("model", MODEL),
        _query("version", VERSION),
        _query("include", {"type": "string", "enum": ["sequence"], "description": "Repeats each sequence in a JSON answer."}),
        _query("id_column", {"type": "string", "description": "A table's column of names, or its position from 0."}),
        _query("sequence_column", {"type": "string", "description": "A table's column of sequences, or its position from 0."}),
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": _media("PredictRequest", example={"sequences": [{"id": "promoter1", "sequence": EXAMPLE}]}),
            "text/x-fasta": {"schema": TEXT, "example": f">promoter1\n{EXAMPLE}\n"},
            **{kind: {"schema": TEXT} for kind in FILES},
        },
    },
    "responses": _responses("One row a sequence, in their order.", "Predictions"),
}
PREDICT["responses"]["200"]["content"] |= {kind: {"schema": TEXT} for kind in ANSWERS}
MUTAGENESIS: Schema = {
    "operationId": "mutagenesis",
    "summary": "What each letter of one sequence is worth",
    "description": "Scores every single substitution of its insert.",
    "requestBody": {"required": True, "content": {"application/json": _media("MutagenesisRequest", example={"sequence": EXAMPLE})}},
    "responses": _responses("The effects.", "Mutagenesis"),
}


def openapi_document() -> dict[str, Any]:
    """The document, in OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dreamkeras",
            "version": importlib.metadata.version("dreamkeras"),
            "description": "DNA letters in, expression out. Programs that speak the Open Inference Protocol find it under /v2.",
        },
        "paths": {"/v1/models": {"get": MODELS}, "/v1/predict": {"post": PREDICT}, "/v1/mutagenesis": {"post": MUTAGENESIS}},
        "components": {"schemas": SCHEMAS, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
    }
