"""The files of docs/deploy, held against the server that they start."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from dreamkeras.cli.commands.serve import command
from dreamkeras.serving.settings import Settings

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "docs/deploy"
OPTIONS = {name for parameter in command.params for name in parameter.opts}
INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "ENTRYPOINT", "CMD", "HEALTHCHECK"}


def documents(name):
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


def instructions():
    """Pairs of an instruction of the container file and its argument."""
    lines = [line for line in (DEPLOY / "Containerfile").read_text().splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(" ", 1)) for line in lines]


def pods():
    """Containers of all manifests."""
    for name in ("kubernetes.yaml", "kserve.yaml"):
        for document in documents(name):
            spec = document["spec"].get("template", document)["spec"]
            yield from spec.get("containers", ())


def routes():
    from dreamkeras.serving.http.routes_v2 import routes

    return {route.path for route in routes()}


class TestManifests:
    @pytest.mark.parametrize("name", ["kubernetes.yaml", "kserve.yaml"])
    def test_each_document_names_its_kind(self, name):
        assert all({"apiVersion", "kind", "spec"} <= set(document) and document["metadata"]["name"] for document in documents(name))

    def test_options_are_those_of_the_command(self):
        words = [word for pod in pods() for word in (*pod.get("command", ()), *pod["args"]) if word.startswith("-")]
        assert len(words) > 4
        assert set(words) <= OPTIONS

    def test_probes_ask_what_the_server_answers(self):
        pytest.importorskip("starlette")
        probes = [pod[kind]["httpGet"] for pod in pods() for kind in pod if kind.endswith("Probe")]
        assert {probe["path"] for probe in probes} == {"/v2/health/live", "/v2/health/ready"}
        assert {probe["path"] for probe in probes} <= routes()

    def test_probes_and_services_use_ports_that_there_are(self):
        deployment, service, _ = documents("kubernetes.yaml")
        (pod,) = deployment["spec"]["template"]["spec"]["containers"]
        ports = {port["name"] for port in pod["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} == ports == {"http", "grpc"}
        assert {pod[kind]["httpGet"]["port"] for kind in pod if kind.endswith("Probe")} <= ports

    def test_selectors_find_the_pods(self):
        deployment, service, budget = documents("kubernetes.yaml")
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert (
            labels
            == deployment["spec"]["selector"]["matchLabels"]
            == service["spec"]["selector"]
            == budget["spec"]["selector"]["matchLabels"]
        )

    def test_volumes_that_are_mounted_are_there(self):
        spec = documents("kubernetes.yaml")[0]["spec"]["template"]["spec"]
        mounted = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
        assert set(mounted) == {volume["name"] for volume in spec["volumes"]}
        files = [word for word in spec["containers"][0]["args"] if word.startswith("/")]
        assert all(any(Path(file).is_relative_to(path) for path in mounted.values()) for file in files)

    def test_pods_have_the_time_that_the_server_needs_to_stop(self):
        settings = Settings()
        seconds = documents("kubernetes.yaml")[0]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        assert seconds > settings.notice_seconds + settings.drain_seconds

    def test_kserves_runtime_is_the_one_that_the_model_asks_for(self):
        runtime, model, _ = documents("kserve.yaml")
        (form,) = runtime["spec"]["supportedModelFormats"]
        asked = model["spec"]["predictor"]["model"]
        assert (asked["runtime"], asked["modelFormat"]["name"]) == (runtime["metadata"]["name"], form["name"])


class TestContainer:
    def test_instructions_are_known_and_lists_are_json(self):
        found = instructions()
        assert {name for name, _ in found} <= INSTRUCTIONS
        assert [name for name, _ in found].count("FROM") == 2
        for name, argument in found:
            if name in {"ENTRYPOINT", "CMD"}:
                assert all(isinstance(word, str) for word in json.loads(argument))

    def test_it_starts_the_command_with_options_that_there_are(self):
        words = [word for name, argument in instructions() if name in {"ENTRYPOINT", "CMD"} for word in json.loads(argument)]
        assert words[:2] == ["dreamkeras", "serve"]
        assert {word for word in words if word.startswith("-")} <= OPTIONS
        exposed = next(argument for name, argument in instructions() if name == "EXPOSE").split()
        assert [words[words.index(option) + 1] for option in ("--port", "--grpc-port")] == exposed

    def test_it_installs_extras_that_there_are_and_none_that_trains(self):
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        (install,) = [argument for _, argument in instructions() if "pip install" in argument]
        wanted = re.search(r"'\.\[(.*)\]'", install)[1].split(",")
        assert set(wanted) <= set(extras)
        assert set(wanted).isdisjoint({"train", "jax", "torch", "dev", "gpu"})

    def test_it_runs_as_nobody_in_particular(self):
        assert next(argument for name, argument in instructions() if name == "USER") == "10001"
