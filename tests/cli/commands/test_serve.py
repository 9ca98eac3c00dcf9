import http.client
import json
import re
import sys

import pytest
from running_server import server_process

from dreamkeras.cli.commands import serve
from dreamkeras.serving import lifecycle

TOKEN = "a-token-of-the-lab-0123"
BODY = b'{"inputs":[{"name":"sequences","datatype":"BYTES","shape":[1],"data":["ACGTACGTACGTACGTACGT"]}]}'


@pytest.fixture
def dry_run(run, monkeypatch):
    """`dry_run(*options)`: the command up to the moment when it serves; the result, and the application."""
    served = []

    def no_run(app, listener, tls, started):
        served.append((app, tls))
        started()
        listener.close()

    monkeypatch.setattr(lifecycle, "run", no_run)
    monkeypatch.setattr("dreamkeras.serving.logs.write_logs", lambda **_: None)

    def call(*options):
        result = run("serve", "--port", "0", *options)
        return result, served[-1] if served else None

    return call


def ask(port, method, path, body=b"", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, json.loads(content) if content else None


class TestInAProcess:
    def test_the_packaged_model_is_served_and_the_server_exits_with_0(self, tmp_path):
        with server_process(tmp_path, settings="notice_seconds = 0") as server:
            status, answer = ask(server.port, "POST", "/v2/models/yeast/infer", BODY, {"X-Request-Id": "mine"})
            assert server.stop() == 0
        assert (status, answer["outputs"][0]["shape"]) == (200, [1, 1])
        first, *rest = server.log.read_text().splitlines()
        assert first == "No -m given: serving the packaged model as yeast."
        (line,) = [json.loads(line) for line in rest if line.startswith("{")]
        assert (line["request_id"], line["path"], line["status"], line["rows"]) == ("mine", "/v2/models/yeast/infer", 200, 1)

    def test_an_error_at_the_start_is_one_line(self, spawn, tmp_path):
        done = spawn("serve", "-m", tmp_path / "no.onnx")
        assert (done.returncode, done.stdout) == (1, "")
        assert re.fullmatch(r"Error: Expected an \.onnx file or a run folder, got .*no\.onnx, which does not exist\.\n", done.stderr)


class TestModels:
    def test_names_are_given_or_from_the_files(self, dry_run, toy_model):
        _, (app, _) = dry_run("-m", f"mine={toy_model}", "-m", toy_model)
        assert app.state.service.models.names() == ["mine", "toy"]

    def test_models_of_a_folder_are_also_served(self, dry_run, toy_model, tmp_path):
        (tmp_path / "fly/3").mkdir(parents=True)
        (tmp_path / "fly/3/model.onnx").write_bytes(toy_model.read_bytes())
        result, (app, _) = dry_run("-m", toy_model, "--models", tmp_path)
        assert app.state.service.models.names() == ["fly", "toy"]
        assert "Serving fly (version 3), toy (version 1) on http://127.0.0.1:" in result.stderr

    def test_a_folder_replaces_the_packaged_model(self, dry_run, toy_model, tmp_path):
        (tmp_path / "fly.onnx").write_bytes(toy_model.read_bytes())
        _, (app, _) = dry_run("--models", tmp_path)
        assert app.state.service.models.names() == ["fly"]


class TestFolderWithOtherFiles:
    @pytest.fixture
    def folder(self, toy_model, tmp_path):
        """Folder with the model `fly`, a file whose name is not safe in a URL, and a subfolder without a model."""
        (tmp_path / "fly.onnx").write_bytes(toy_model.read_bytes())
        (tmp_path / "my model.onnx").write_bytes(toy_model.read_bytes())
        (tmp_path / "notes").mkdir()
        return tmp_path

    def test_good_models_are_served_and_the_others_are_warnings(self, dry_run, folder):
        result, (app, _) = dry_run("--models", folder)
        assert app.state.service.models.ready_names() == ["fly"]
        invalid, stray, *_ = result.stderr.splitlines()
        assert invalid.startswith(f"Warning: Cannot serve {folder / 'my model.onnx'}, because its name is not safe in a URL: use at most ")
        assert stray == f"Warning: The folder {folder / 'notes'} has no model.onnx."

    def test_strict_refuses_to_start(self, dry_run, folder):
        result, served = dry_run("--models", folder, "--strict")
        assert (result.exit_code, served) == (1, None)
        assert result.stderr.startswith("Error: Cannot serve ")

    def test_strict_needs_a_folder(self, dry_run, toy_model):
        result, _ = dry_run("-m", toy_model, "--strict")
        assert (result.exit_code, "--strict requires --models DIR." in result.stderr) == (2, True)

    def test_empty_folder_is_announced(self, dry_run, tmp_path):
        result, _ = dry_run("--models", tmp_path)
        assert "Serving no model yet on http://" in result.stderr


class TestWhoMayWhat:
    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ([], "Open to this machine only; --host 0.0.0.0 opens the server to other machines."),
            ([], "Requests need no token. Loading and unloading models is allowed."),
            (
                ["--host", "0.0.0.0"],
                "Open to every machine that can reach this port. Requests need no token. Loading and unloading models is disabled.",
            ),
            (["--tokens", "T"], "Requests need a token. Loading and unloading models is disabled."),
            (["--operator-tokens", "T"], "Requests need no token. Loading and unloading models needs an operator token."),
        ],
    )
    def test_permissions_are_printed_at_the_start(self, dry_run, toy_model, tmp_path, options, text):
        (tmp_path / "tokens").write_text(TOKEN)
        options = [tmp_path / "tokens" if option == "T" else option for option in options]
        result, _ = dry_run("-m", toy_model, *options)
        assert text in result.stderr

    def test_tokens_are_passed_to_the_guard(self, dry_run, toy_model, tmp_path):
        (tmp_path / "tokens").write_text(TOKEN)
        _, (app, _) = dry_run("-m", toy_model, "--tokens", tmp_path / "tokens")
        app.state.service.guard.check_user(f"Bearer {TOKEN}")
        with pytest.raises(Exception, match="Token missing or unknown"):
            app.state.service.guard.check_user(None)


class TestProxyOptions:
    def test_reach_the_application(self, dry_run, toy_model):
        options = ["--allow-origin", "https://Lab.example/", "--allow-origin", "http://a:3000", "--root-path", "/dream/"]
        result, (app, _) = dry_run("-m", toy_model, *options, "--forwarded-allow-ips", "127.0.0.1,10.0.0.0/8")
        assert app.state.proxy == (("https://lab.example", "http://a:3000"), "/dream", ("127.0.0.1", "10.0.0.0/8"))
        assert "Open to this machine, clients of a reverse proxy on this machine, and web pages of allowed sites." in result.stderr

    @pytest.mark.parametrize("option", [("--allow-origin", "*"), ("--root-path", "/dream"), ("--forwarded-allow-ips", "*")])
    def test_disable_loading_without_operator_tokens(self, dry_run, toy_model, option):
        result, _ = dry_run("-m", toy_model, *option)
        assert "Loading and unloading models is disabled." in result.stderr

    @pytest.mark.parametrize(
        ("option", "message"),
        [
            (("--allow-origin", "lab.example.org"), "Expected an origin such as https://lab.example.org"),
            (("--root-path", "dream"), "Expected a path such as /dream"),
            (("--forwarded-allow-ips", "proxy"), "Expected IP addresses, networks"),
        ],
    )
    def test_invalid_values_are_usage_errors(self, run, option, message):
        result = run("serve", *option)
        assert (result.exit_code, message in result.stderr) == (2, True)


class TestOptions:
    def test_settings_are_read_from_a_file(self, dry_run, toy_model, tmp_path):
        (tmp_path / "s.toml").write_text("rows = 7\n")
        _, (app, _) = dry_run("-m", toy_model, "--settings", tmp_path / "s.toml")
        assert app.state.service.settings.rows == 7

    def test_tls_requires_both_files(self, dry_run, toy_model, tmp_path):
        (tmp_path / "a.pem").write_text("x")
        for options in (["--tls-key"], ["--tls-certificate"], ["--tls-client-ca"]):
            result, _ = dry_run("-m", toy_model, *options, tmp_path / "a.pem")
            assert result.exit_code == 2
            assert "TLS requires both --tls-certificate and --tls-key." in result.stderr

    def test_tls_is_used_and_shown_in_the_address(self, dry_run, toy_model, tmp_path):
        (tmp_path / "a.pem").write_text("x")
        result, (_, tls) = dry_run("-m", toy_model, "--tls-certificate", tmp_path / "a.pem", "--tls-key", tmp_path / "a.pem")
        assert tls == (tmp_path / "a.pem", tmp_path / "a.pem", None)
        assert " on https://127.0.0.1:" in result.stderr

    def test_grpc_has_a_separate_port(self, dry_run, toy_model):
        pytest.importorskip("grpc")
        result, _ = dry_run("-m", toy_model, "--grpc-port", "0")
        assert re.search(r" on http://127\.0\.0\.1:\d+ and gRPC on 127\.0\.0\.1:\d+\.\n", result.stderr)

    def test_too_few_threads_are_an_error(self, run, toy_model, monkeypatch):
        def refuse(thread):
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr("dreamkeras.serving.logs.write_logs", lambda **_: None)
        monkeypatch.setattr("threading.Thread.start", refuse)
        result = run("serve", "-m", toy_model, "--port", "0")
        assert (result.exit_code, "Traceback" in result.stderr) == (1, False)
        assert result.stderr.splitlines()[-1].startswith("Error: Cannot start a thread: the limit of processes is reached.")

    def test_an_address_in_use_is_an_error(self, run, toy_model):
        with lifecycle.bind("127.0.0.1", 0) as taken:
            result = run("serve", "-m", toy_model, "--port", taken.getsockname()[1])
        assert (result.exit_code, "Cannot listen on 127.0.0.1, port" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("package", "options", "extra"),
    [("starlette", [], "serve"), ("httptools", [], "serve"), ("tritonclient", ["--grpc-port", "0"], "grpc")],
)
def test_missing_package_is_reported_with_its_extra(run, monkeypatch, package, options, extra):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else object())
    result = run("serve", *options)
    assert (result.exit_code, result.stderr) == (1, f"Error: Serving requires {package}: pip install 'dreamkeras[{extra}]'.\n")


def test_loopback_addresses_can_only_be_reached_from_this_machine():
    assert set(serve.LOOPBACK) == {"127.0.0.1", "::1", "localhost"}
