"""Runs the cases of `conformance` against this server and, if it is installed, against Triton."""

import contextlib

import pytest
from conformance import CASES, Client, answer_of
from running_server import QUICK, running_server
from triton_process import BOTH_INPUTS, running_triton, write_python_model

from dreamkeras.scoring.predictor import load
from dreamkeras.serving.auth import Guard
from dreamkeras.serving.repository import ModelRepository

pytest.importorskip("tritonclient.grpc")

from running_grpc import running_grpc

ASKED = [(protocol, one) for one in CASES for protocol in one.protocols]
NAMES = [f"{protocol}-{one.name}" for protocol, one in ASKED]


@contextlib.contextmanager
def clients(addresses):
    """Returns an open client for each protocol."""
    opened = {}
    with contextlib.ExitStack() as stack:
        for protocol, address in addresses.items():
            module = pytest.importorskip(f"tritonclient.{protocol}")
            options = {"concurrency": 3} if protocol == "http" else {}
            opened[protocol] = Client(module, stack.enter_context(module.InferenceServerClient(address, **options)), address)
        yield opened


@pytest.fixture(scope="module")
def ours(toy_model):
    """Clients of this server with the toy model, one for each protocol."""
    repositories = [make_repository_of(toy_model) for _ in range(2)]
    guard = Guard(control=True)
    with (
        running_server(repositories[0], guard=guard) as http,
        running_grpc(repositories[1], guard=guard) as grpc,
        clients({"http": http.address, "grpc": grpc.address}) as opened,
    ):
        yield opened


def make_repository_of(model):
    repository = ModelRepository({"toy": model}, None, lambda path: load(path, device="cpu", threads=1), QUICK)
    repository.load_all()
    return repository


@pytest.fixture(scope="module")
def triton(tmp_path_factory):
    """Clients of Triton with the same toy model, one for each protocol."""
    folder = tmp_path_factory.mktemp("triton")
    write_python_model(folder / "repository/toy", BOTH_INPUTS)
    with running_triton(folder / "repository", folder) as running, clients(running._asdict()) as opened:
        yield opened


def test_there_are_at_least_forty_cases():
    assert len({NAMES[place] for place in range(len(ASKED))}) == len(ASKED) >= 40


@pytest.mark.parametrize(("protocol", "one"), ASKED, ids=NAMES)
def test_this_server_gives_the_expected_answer(ours, protocol, one):
    assert answer_of(one, ours[protocol]) == one.answer


@pytest.mark.parametrize(("protocol", "one"), ASKED, ids=NAMES)
def test_triton_gives_the_same_answer_or_differs_for_a_known_reason(triton, protocol, one):
    answer = answer_of(one, triton[protocol])
    assert (answer == one.answer) is not bool(one.difference), answer
