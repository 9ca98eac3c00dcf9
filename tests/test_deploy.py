"""The Containerfile and the manifests of docs/deploy, compared with the server that they start."""

import json
import re
import shutil
import subprocess
import time
import tomllib
import urllib.request
from pathlib import Path

import pytest

from dreamkeras.cli.commands.serve import command
from dreamkeras.serving.settings import Settings

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "docs/deploy"
OPTIONS = {name for parameter in command.params for name in parameter.opts}
INSTRUCTIONS = {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "ENTRYPOINT", "CMD", "HEALTHCHECK"}
TAG = "localhost/dreamkeras:test"


def documents(name):
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


def instructions():
    """Pairs of an instruction of the container file and its argument."""
    lines = [line for line in (ROOT / "Containerfile").read_text().splitlines() if line and not line.startswith("#")]
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
        words = [word.split("=")[0] for pod in pods() for word in (*pod.get("command", ()), *pod["args"]) if word.startswith("-")]
        assert len(words) > 4
        assert set(words) <= OPTIONS

    def test_each_pod_runs_the_command_that_serves(self):
        (entry,) = [json.loads(argument) for name, argument in instructions() if name == "ENTRYPOINT"]
        assert {tuple([*pod.get("command", entry), *pod["args"]][:2]) for pod in pods()} == {("dreamkeras", "serve")}

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
        numbers = {
            f"--port={port['containerPort']}" if port["name"] == "http" else f"--grpc-port={port['containerPort']}" for port in pod["ports"]
        }
        assert numbers == {word for word in pod["args"] if "port=" in word}

    def test_ingress_names_the_service_and_its_port(self):
        (ingress,) = documents("ingress.yaml")
        (rule,) = ingress["spec"]["rules"]
        (path,) = rule["http"]["paths"]
        _, service, _ = documents("kubernetes.yaml")
        backend = path["backend"]["service"]
        assert backend["name"] == service["metadata"]["name"]
        assert backend["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}
        text = (DEPLOY / "ingress.yaml").read_text()
        assert f"--root-path={path['path']}" in text
        assert set(re.findall(r"--[a-z-]+", text)) - {"---"} <= OPTIONS

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
        files = [word.split("=")[1] for word in spec["containers"][0]["args"] if "=/" in word]
        assert len(files) == 3
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

    def test_it_starts_the_server_with_options_of_the_command(self):
        words = [word for name, argument in instructions() if name in {"ENTRYPOINT", "CMD"} for word in json.loads(argument)]
        assert words[:2] == ["dreamkeras", "serve"]
        assert words[words.index("--host") + 1] == "0.0.0.0"
        assert {word for word in words if word.startswith("-")} <= OPTIONS
        exposed = next(argument for name, argument in instructions() if name == "EXPOSE").split()
        assert words[words.index("--port") + 1] == exposed[0]
        (pod,) = documents("kubernetes.yaml")[0]["spec"]["template"]["spec"]["containers"]
        assert exposed == [str(port["containerPort"]) for port in pod["ports"]]

    def test_its_health_check_requests_a_route_of_the_server(self):
        pytest.importorskip("starlette")
        check = next(argument for name, argument in instructions() if name == "HEALTHCHECK")
        assert re.search(r"http://127\.0\.0\.1:8000(/[\w/]+)'", check)[1] in routes()

    def test_it_installs_extras_of_the_package_and_none_for_training(self):
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        (install,) = [argument for _, argument in instructions() if "pip install" in argument]
        wanted = re.search(r"\[(.*)\]", install)[1].split(",")
        assert {"cpu", "serve"} <= set(wanted) <= set(extras)
        assert set(wanted).isdisjoint({"train", "jax", "torch", "dev", "gpu"})

    def test_it_does_not_run_as_root(self):
        assert next(argument for name, argument in instructions() if name == "USER") == "10001"

    def test_the_build_gets_every_file_of_the_package(self):
        ignored = (ROOT / ".dockerignore").read_text().splitlines()
        pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
        files = [pyproject["project"]["readme"], *pyproject["project"]["license-files"], "pyproject.toml", "setup.py"]
        folders = {folder.split("/")[0] for folder in pyproject["tool"]["setuptools"]["package-dir"].values()}
        assert "*" in ignored
        assert [name for name in (*files, *folders) if f"!{name}" not in ignored] == []
        assert [line[1:] for line in ignored if line.startswith("!") and not (ROOT / line[1:]).exists()] == []


@pytest.fixture(scope="module")
def image():
    """Builds the image, and returns the builder's command. The image is removed after the tests."""
    builder = next((name for name in ("podman", "docker") if shutil.which(name)), None)
    if builder is None:
        pytest.skip("neither podman nor docker is installed")
    ready = subprocess.run([builder, "info"], capture_output=True, text=True, check=False, timeout=60)
    if ready.returncode != 0 or "Cannot connect" in ready.stdout + ready.stderr:
        pytest.skip(f"{builder} cannot run containers here")
    base = next(argument.split()[0] for name, argument in instructions() if name == "FROM")
    pulled = subprocess.run([builder, "pull", base], capture_output=True, text=True, check=False, timeout=600)
    if pulled.returncode != 0:
        pytest.skip(f"{builder} cannot pull {base}")
    command = [builder, "build", "--file", "Containerfile", "--tag", TAG, "."]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=1800)
    assert built.returncode == 0, built.stdout + built.stderr
    yield builder
    subprocess.run([builder, "rmi", "--force", TAG], capture_output=True, check=False, timeout=60)


class TestImage:
    def test_it_predicts_without_a_network_and_with_tmp_as_the_only_writable_folder(self, image):
        options = ["--rm", "--read-only", "--tmpfs", "/tmp", "--network", "none", "--interactive"]
        done = subprocess.run(
            [image, "run", *options, TAG, "predict", "-"], input=">a\nACGTACGT\n", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[1].startswith("a\t")

    def test_it_serves_with_a_read_only_root(self, image):
        options = ["--detach", "--rm", "--read-only", "--publish", "127.0.0.1::8000"]
        container = subprocess.run([image, "run", *options, TAG], capture_output=True, text=True, check=True).stdout.strip()
        try:
            port = (
                subprocess.run([image, "port", container, "8000"], capture_output=True, text=True, check=True).stdout.split(":")[-1].strip()
            )
            assert answers(f"http://127.0.0.1:{port}/v2/health/ready")
        finally:
            subprocess.run([image, "stop", container], capture_output=True, check=True)


def answers(url):
    """Whether a URL answers within a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return urllib.request.urlopen(url, timeout=5).status == 200
        except OSError:
            time.sleep(0.5)
    return False
