"""Conformance cases for servers of the Open Inference Protocol: requests of NVIDIA's client over HTTP and gRPC, with expected answers.

The served model is the toy model `toy`, which takes `sequences` or `letters` and counts letters.
"""

import queue
import struct
import time
import urllib.error
import urllib.request
from typing import Any, NamedTuple

import numpy as np
from toy_models import count

SEQUENCES = ["ACGTACGT", "GGGG", "acgtn", "ACGTACGTACGT"]
VALUES = [count(text) for text in SEQUENCES]
MOST = 8192
KINDS = {"400": "malformed", "404": "unknown", "500": "internal", "503": "busy"} | {
    f"StatusCode.{code}": kind
    for code, kind in (
        ("INVALID_ARGUMENT", "malformed"),
        ("NOT_FOUND", "unknown"),
        ("INTERNAL", "internal"),
        ("UNAVAILABLE", "busy"),
        ("UNIMPLEMENTED", "unknown"),
    )
}


class Client(NamedTuple):
    """An open client of one protocol, with its module and the server's address."""

    module: Any
    client: Any
    address: str

    @property
    def protocol(self) -> str:
        return self.module.__name__.rsplit(".", 1)[1]

    def strings(self, texts=SEQUENCES, shape=None, name="sequences", **options):
        tensor = self.module.InferInput(name, [len(texts), 1] if shape is None else shape, "BYTES")
        tensor.set_data_from_numpy(np.array([text.encode() for text in texts], object).reshape(tensor.shape()), **options)
        return tensor

    def letters(self, texts=SEQUENCES, name="letters", kind=np.uint8, length=12, **options):
        array = np.array([list(text.ljust(length, "N").encode()) for text in texts], kind).reshape(len(texts), length)
        datatype = {np.uint8: "UINT8", np.int8: "INT8", np.float16: "FP16", np.float32: "FP32"}[kind]
        tensor = self.module.InferInput(name, list(array.shape), datatype)
        tensor.set_data_from_numpy(array, **options)
        return tensor

    def output(self, name="expression", **options):
        return self.module.InferRequestedOutput(name, **options)

    def infer(self, *tensors, model="toy", **options):
        return self.client.infer(model, list(tensors), **options)

    def values(self, *tensors, **options):
        return self.infer(*tensors, **options).as_numpy("expression").tolist()

    def fields(self, name, *args):
        """Calls a method of the client and returns the answer as JSON."""
        return getattr(self.client, name)(*args, **({} if self.protocol == "http" else {"as_json": True}))


class Case(NamedTuple):
    """A request, the expected answer, and the reason why Triton's answer differs, if it does."""

    name: str
    protocols: tuple[str, ...]
    ask: Any
    answer: Any
    difference: str = ""


CASES: list[Case] = []


def case(answer, *, protocols=("http", "grpc"), difference=""):
    """Decorator that adds a function of a client to the cases."""

    def add(function):
        CASES.append(Case(function.__name__, protocols, function, answer, difference))
        return function

    return add


def answer_of(one: Case, client: Client):
    """Returns the server's answer to a case. An error is returned as `error: KIND`."""
    import tritonclient.utils

    try:
        return one.ask(client)
    except tritonclient.utils.InferenceServerException as error:
        return f"error: {KINDS.get(error.status(), error.status())}"


MALFORMED, UNKNOWN, BOTH = "error: malformed", "error: unknown", [["sequences", "BYTES", [-1, 1]], ["letters", "UINT8", [-1, 12]]]
COLUMN = "Triton accepts strings only as a column, with the batch as a separate dimension; dreamkeras also accepts a list."
SHARED = "The reference runs with shared memory enabled, and reports that this region is unknown."
STATISTICS = "Triton reports a request for statistics of an unknown model as malformed."
TRITON_500 = "Triton reports a request that it cannot parse as an internal error."

# Server and models


@case([True, True])
def health(c):
    return [c.client.is_server_live(), c.client.is_server_ready()]


@case([True, True, False, False])
def readiness_of_models(c):
    return [c.client.is_model_ready(*model) for model in (("toy",), ("toy", "1"), ("toy", "7"), ("no",))]


@case(["binary_tensor_data", "model_configuration", "model_repository", "schedule_policy", "statistics"])
def extensions(c):
    wanted = {"binary_tensor_data", "model_configuration", "model_repository", "schedule_policy", "statistics"}
    return sorted(wanted & set(c.fields("get_server_metadata")["extensions"]))


@case(["toy", ["1"], BOTH, [["expression", "FP32", [-1, 2]]]])
def metadata(c):
    found = c.fields("get_model_metadata", "toy")
    sides = [[[one["name"], one["datatype"], [int(n) for n in one["shape"]]] for one in found[side]] for side in ("inputs", "outputs")]
    return [found["name"], found["versions"], *sides]


@case(["toy", MOST, [[1], [12]], [[2]], [True, True]])
def configuration(c):
    found = c.fields("get_model_config", "toy")
    found = found.get("config", found)
    dims = [[[int(n) for n in one["dims"]] for one in found[side]] for side in ("input", "output")]
    return [found["name"], found["max_batch_size"], *dims, [one["optional"] for one in found["input"]]]


@case([UNKNOWN] * 3, difference=STATISTICS)
def questions_about_an_unknown_model(c):
    names = ("get_model_metadata", "get_model_config", "get_inference_statistics")
    return [answer_of(Case("", (), lambda c, name=name: c.fields(name, "no"), None), c) for name in names]


@case([UNKNOWN] * 3, difference=STATISTICS)
def questions_about_an_unknown_version(c):
    names = ("get_model_metadata", "get_model_config", "get_inference_statistics")
    return [answer_of(Case("", (), lambda c, name=name: c.fields(name, "toy", "7"), None), c) for name in names]


@case([["toy", "1", "READY"]])
def index(c):
    found = c.fields("get_model_repository_index")
    return [[one["name"], one["version"], one["state"]] for one in (found["models"] if c.protocol == "grpc" else found)]


@case([["toy", "1"], 2, 8])
def statistics_count_requests_and_rows(c):
    def found():
        (one,) = c.fields("get_inference_statistics", "toy")["model_stats"]
        success = one["inference_stats"]["success"]
        return [one["name"], one["version"]], int(success.get("count", 0)), int(one.get("inference_count", 0))

    _, requests, rows = found()
    c.infer(c.strings()), c.infer(c.letters())
    name, requests_after, rows_after = found()
    until = time.monotonic() + 5
    while requests_after < requests + 2 and time.monotonic() < until:  # Triton updates its counters after the answer
        time.sleep(0.01)
        name, requests_after, rows_after = found()
    return [name, requests_after - requests, rows_after - rows]


@case([False, True, VALUES])
def unloading_and_loading(c):
    c.client.unload_model("toy")
    gone = c.client.is_model_ready("toy")
    c.client.load_model("toy")
    return [gone, c.client.is_model_ready("toy"), c.values(c.strings())]


@case(UNKNOWN, difference="Triton reports a request to load an unknown model as malformed.")
def loading_an_unknown_model(c):
    return c.client.load_model("no")


# Inference


@case(VALUES)
def strings_in_a_column(c):
    return c.values(c.strings())


@case(VALUES, difference=COLUMN)
def strings_in_a_list(c):
    return c.values(c.strings(shape=[4]))


@case(VALUES)
def windows_of_letters(c):
    return c.values(c.letters())


@case([[8.0, 2.0]])
def one_row(c):
    return c.values(c.strings(["GCGCGCGCAA"]))


@case([count(SEQUENCES[i % 4]) for i in range(1000)])
def a_thousand_rows_in_order(c):
    return c.values(c.letters([SEQUENCES[i % 4] for i in range(1000)]))


@case(["mine", "toy", "1"])
def names_in_the_answer(c):
    response = c.infer(c.strings(), request_id="mine").get_response()
    return (
        [response["id"], response["model_name"], response["model_version"]]
        if c.protocol == "http"
        else [response.id, response.model_name, response.model_version]
    )


@case(VALUES)
def a_version_by_its_number(c):
    return c.values(c.strings(), model_version="1")


@case(VALUES)
def an_output_by_its_name(c):
    return c.values(c.strings(), outputs=[c.output()])


@case(VALUES)
def the_same_output_twice(c):
    return c.values(c.strings(), outputs=[c.output(), c.output()])


@case(VALUES)
def priority_and_timeout(c):
    return c.values(c.strings(), priority=1, timeout=30_000_000)


@case(VALUES)
def custom_parameters(c):
    return c.values(c.strings(), parameters={"who": "me", "often": 3, "sure": True})


@case(VALUES)
def sequence_id(c):
    return c.values(c.strings(), sequence_id=7, sequence_start=True, sequence_end=True)


@case(UNKNOWN)
def an_unknown_model(c):
    return c.values(c.strings(), model="no")


@case(UNKNOWN)
def an_unknown_version(c):
    return c.values(c.strings(), model_version="7")


@case(MALFORMED)
def an_unknown_input(c):
    return c.values(c.strings(name="promoters"))


@case(MALFORMED)
def an_unknown_output(c):
    return c.values(c.strings(), outputs=[c.output("profile")])


@case([MALFORMED] * 3)
def other_types(c):
    return [
        answer_of(Case("", (), lambda c, kind=kind: c.values(c.letters(kind=kind)), None), c) for kind in (np.int8, np.float16, np.float32)
    ]


@case(MALFORMED)
def windows_of_another_length(c):
    return c.values(c.letters(length=13))


@case(MALFORMED)
def an_input_of_another_rank(c):
    return c.values(c.strings(shape=[2, 1, 2]))


@case(MALFORMED)
def more_rows_than_the_limit(c):
    return c.values(c.strings(["ACGT"] * (MOST + 1)))


@case(MALFORMED)
def no_rows(c):
    return c.values(c.letters([]))


@case(MALFORMED)
def no_input(c):
    return c.values()


@case(MALFORMED)
def both_inputs(c):
    return c.values(c.strings(), c.letters())


@case(MALFORMED)
def the_same_input_twice(c):
    return c.values(c.strings(), c.strings())


@case([MALFORMED] * 3)
def invalid_sequences(c):
    return [answer_of(Case("", (), lambda c, text=text: c.values(c.strings([text])), None), c) for text in ("", "ACGX", "A" * 13)]


@case(MALFORMED, difference=SHARED)
def unknown_shared_memory(c):
    tensor = c.module.InferInput("letters", [1, 12], "UINT8")
    tensor.set_shared_memory("region", 12)
    return c.values(tensor)


@case(MALFORMED, difference="Triton supports the classification extension; dreamkeras models have no classes.")
def classification(c):
    return c.infer(c.strings(), outputs=[c.output(class_count=1)]).as_numpy("expression").shape


@case(UNKNOWN, difference="Triton supports the trace extension.")
def an_unsupported_extension(c):
    return "answered" if c.client.get_trace_settings() else "nothing"


@case([VALUES[:1], VALUES[1:2], VALUES[2:3]])
def three_concurrent_requests(c):
    if c.protocol == "http":
        return [
            one.get_result().as_numpy("expression").tolist()
            for one in [c.client.async_infer("toy", [c.strings([text])]) for text in SEQUENCES[:3]]
        ]
    answers = queue.Queue()
    for place, text in enumerate(SEQUENCES[:3]):
        c.client.async_infer("toy", [c.strings([text])], lambda result, error, place=place: answers.put((place, result)))
    return [
        result.as_numpy("expression").tolist() for _, result in sorted((answers.get(timeout=30) for _ in range(3)), key=lambda one: one[0])
    ]


# Tensor encodings of HTTP


def raw(c, body, header_length=None, path="toy/infer"):
    """Sends a malformed request and returns status and body of the answer."""
    headers = {} if header_length is None else {"Inference-Header-Content-Length": str(header_length)}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://{c.address}/v2/models/{path}", body, headers), timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@case([VALUES] * 8, protocols=("http",))
def json_and_binary_data(c):
    ways = [(i, o) for i in (True, False) for o in (True, False)]
    tensors = (c.strings, c.letters)
    return [c.values(tensor(binary_data=i), outputs=[c.output(binary_data=o)]) for tensor in tensors for i, o in ways]


@case([VALUES] * 4, protocols=("http",))
def compressed_bodies(c):
    pairs = [("gzip", None), ("deflate", None), (None, "gzip"), ("deflate", "deflate")]
    return [c.values(c.strings(), request_compression_algorithm=one, response_compression_algorithm=other) for one, other in pairs]


@case([400, 400, 400, 400], protocols=("http",), difference=TRITON_500)
def malformed_json(c):
    return [raw(c, body)[0] for body in (b"", b"{", b"[]", b'{"inputs": 7}')]


@case([400, 400, 400], protocols=("http",), difference=TRITON_500)
def data_of_the_wrong_size(c):
    text = '{"inputs": [{"name": "letters", "datatype": "UINT8", "shape": [1, 12], "data": %s}]}'
    return [raw(c, (text % data).encode())[0] for data in ("[65]", str([65] * 13), '"ACGT"')]


@case([400, 400, 400], protocols=("http",))
def binary_data_of_the_wrong_size(c):
    head = b'{"inputs": [{"name": "letters", "datatype": "UINT8", "shape": [1, 12], "parameters": {"binary_data_size": 12}}]}'
    return [raw(c, head + data, len(head) + beyond)[0] for data, beyond in ((b"A" * 11, 0), (b"A" * 13, 0), (b"A" * 12, 99))]


@case([200, [4.0, 2.0]], protocols=("http",), difference="Triton accepts raw requests only for models with one input.")
def a_raw_request(c):
    status, body = raw(c, struct.pack("<I", 8) + b"ACGTACGT", 0)
    return [status, list(struct.unpack("<2f", body[-8:]))]


@case([400, True], protocols=("http",))
def float16_in_json(c):
    status, body = raw(c, b'{"inputs": [{"name": "letters", "datatype": "FP16", "shape": [1, 12], "data": [1,1,1,1,1,1,1,1,1,1,1,1]}]}')
    return [status, b'"error"' in body]


# gRPC only


@case([VALUES] * 2, protocols=("grpc",))
def compressed_messages(c):
    return [c.values(c.strings(), compression_algorithm=algorithm) for algorithm in ("gzip", "deflate")]


@case([VALUES, VALUES], protocols=("grpc",))
def elements_in_the_message(c):
    from tritonclient.grpc import service_pb2

    texts, windows = service_pb2.ModelInferRequest(model_name="toy"), service_pb2.ModelInferRequest(model_name="toy")
    texts.inputs.add(name="sequences", datatype="BYTES", shape=[4, 1]).contents.bytes_contents.extend(text.encode() for text in SEQUENCES)
    codes = windows.inputs.add(name="letters", datatype="UINT8", shape=[4, 12]).contents.uint_contents
    codes.extend("".join(text.ljust(12, "N") for text in SEQUENCES).encode())
    answers = [c.client._client_stub.ModelInfer(message).raw_output_contents[0] for message in (texts, windows)]
    return [np.frombuffer(answer, "<f4").reshape(4, 2).tolist() for answer in answers]


@case([["a", VALUES], "error", ["c", VALUES]], protocols=("grpc",))
def a_stream(c):
    answers = queue.Queue()
    c.client.start_stream(
        lambda result, error: answers.put("error" if error else [result.get_response().id, result.as_numpy("expression").tolist()])
    )
    found = []
    for request_id, model in (("a", "toy"), ("b", "no"), ("c", "toy")):
        c.client.async_stream_infer(model, [c.strings()], request_id=request_id)
        found.append(answers.get(timeout=30))
    c.client.stop_stream()
    return found
