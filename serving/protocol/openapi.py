"""OpenAPI document of the `/v1` routes."""

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
    "description": "DNA sequence in upper or lower case, with both adapters or without adapters. IUPAC codes are allowed.",
    "pattern": f"^[{''.join(IUPAC)}{''.join(IUPAC).lower()}]+$",
}
MODEL: Schema = {"type": "string", "description": "Name of the model. Optional if only one model is served."}
VERSION: Schema = {"type": "string", "description": "Version of the model. Defaults to the newest version."}
NAMED = {"type": "object", "properties": {"id": TEXT, "sequence": SEQUENCE}, "required": ["sequence"]}

EXAMPLE = "ACGT" * 20


def _object(required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": required}


def _listed(**properties: Schema) -> Schema:
    return _object(list(properties), **properties)


SCHEMAS: dict[str, Schema] = {
    "Error": _listed(error={"type": "string", "description": "Error message: what is wrong, where, and what to do."}),
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
        insert={"type": "string", "description": "Insert in which each base was changed."},
        bases={"type": "string", "description": "Order of the bases in `effects`."},
        reference={**NUMBERS, "description": "Prediction for the unchanged sequence, one number per task."},
        effects={
            "type": "array",
            "items": {"type": "array", "items": NUMBERS},
            "description": "Effects by position, base and task: prediction for the changed sequence minus `reference`.",
        },
        importance={
            "type": "array",
            "items": NUMBERS,
            "description": "Contribution by position and task: mean decrease of the prediction over the three other bases.",
        },
    ),
}

FILES = ("text/x-fastq", "text/tab-separated-values", "text/csv", "text/plain", "application/gzip", "application/octet-stream")
ANSWERS = ("text/tab-separated-values", "text/csv", "application/x-ndjson")

REFUSALS = {
    "400": "The request is malformed, or a sequence does not fit the model.",
    "401": "The token is missing or unknown.",
    "404": "The model is unknown.",
    "408": "The body arrived too slowly.",
    "413": "The body is too large.",
    "415": "The Content-Encoding is not supported, or the body is a form.",
    "503": "The server is overloaded. Retry after the number of seconds in the header Retry-After.",
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
    "summary": "Lists the loaded models",
    "description": "Each model has tasks, units, and a construct that sequences must fit.",
    "responses": _responses("Loaded models.", "Models", ["401"]),
}
PREDICT: Schema = {
    "operationId": "predict",
    "summary": "Predicts sequences",
    "description": (
        "A body that is not JSON is read as a file: FASTA, FASTQ, TSV, CSV or one sequence per line, also gzipped. The file is scored "
        "while it is received. The answer is TSV unless Accept names another type. An error after the first MiB of an answer truncates the "
        "answer. A JSON body may also name the model and version."
    ),
    "parameters": [
        _query("model", MODEL),
        _query("version", VERSION),
        _query(
            "include",
            {"type": "string", "enum": ["sequence"], "description": "If `include` is `sequence`, a JSON answer includes each sequence."},
        ),
        _query("id_column", {"type": "string", "description": "Name or 0-based position of the id column of a table."}),
        _query("sequence_column", {"type": "string", "description": "Name or 0-based position of the sequence column of a table."}),
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": _media("PredictRequest", example={"sequences": [{"id": "promoter1", "sequence": EXAMPLE}]}),
            "text/x-fasta": {"schema": TEXT, "example": f">promoter1\n{EXAMPLE}\n"},
            **{kind: {"schema": TEXT} for kind in FILES},
        },
    },
    "responses": _responses("One row per sequence, in input order.", "Predictions"),
}
PREDICT["responses"]["200"]["content"] |= {kind: {"schema": TEXT} for kind in ANSWERS}
MUTAGENESIS: Schema = {
    "operationId": "mutagenesis",
    "summary": "Computes the effect of every single-base change",
    "description": "Scores all single-base substitutions in the insert of one sequence.",
    "requestBody": {"required": True, "content": {"application/json": _media("MutagenesisRequest", example={"sequence": EXAMPLE})}},
    "responses": _responses("Effects of all substitutions.", "Mutagenesis"),
}


def openapi_document(root_path: str = "") -> dict[str, Any]:
    """Returns the OpenAPI 3.1 document. `root_path` is the path at which a reverse proxy publishes the server."""
    return {
        "openapi": "3.1.0",
        "servers": [{"url": root_path or "/"}],
        "info": {
            "title": "dreamkeras",
            "version": importlib.metadata.version("dreamkeras"),
            "description": "Predicts expression from DNA sequence. The Open Inference Protocol is available under /v2.",
        },
        "paths": {"/v1/models": {"get": MODELS}, "/v1/predict": {"post": PREDICT}, "/v1/mutagenesis": {"post": MUTAGENESIS}},
        "components": {"schemas": SCHEMAS, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
    }
