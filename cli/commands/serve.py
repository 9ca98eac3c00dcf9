"""`dreamkeras serve`: serves predictions over HTTP and gRPC."""

import gc
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options.numbers import WholeRange
from ..options.shared import device_option

if TYPE_CHECKING:
    from dreamkeras.serving.auth import Guard
    from dreamkeras.serving.http.proxy import Proxy
    from dreamkeras.serving.lifecycle import Tls
    from dreamkeras.serving.repository import ModelRepository
    from dreamkeras.serving.settings import Settings

__all__ = ["command"]

LOOPBACK = ("127.0.0.1", "::1", "localhost")

file_path = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("serve", epilog="\b\nExample:\n  dreamkeras serve -m promoter=runs/mine --port 8000")
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    metavar="[NAME=]MODEL",
    help="ONNX file, run folder, or folder with versions 1/, 2/, ... Repeatable.  [default: the packaged yeast model]",
)
@click.option(
    "--models",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Also serve every model in DIR, if its path is NAME.onnx, NAME/model.onnx or NAME/VERSION/model.onnx.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Refuse to start if an entry of --models DIR cannot be served. By default, such an entry is skipped with a warning.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on. 0.0.0.0 listens on all addresses.")
@click.option("--port", type=WholeRange(0, 65535), default=8000, show_default=True, help="Port to listen on. 0 chooses a free port.")
@click.option("--grpc-port", type=WholeRange(0, 65535), help="Also serve gRPC on this port. 0 chooses a free port.")
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="URL",
    help="Allow web pages of this site, such as https://lab.example.org, to use the server. '*' allows all sites. Repeatable.",
)
@click.option("--root-path", default="", metavar="PATH", help="Path at which a reverse proxy publishes the server, such as /dream.")
@click.option(
    "--forwarded-allow-ips",
    "trusted",
    multiple=True,
    metavar="IPS",
    help="Comma-separated addresses or networks of trusted reverse proxies. "
    "The address in the X-Forwarded-For header of their requests is logged as the client. "
    "'*' trusts all proxies.",
)
@click.option("--settings", "settings_file", type=file_path, metavar="FILE", help="TOML file with the limits and timeouts of the server.")
@click.option(
    "--tokens", "tokens_file", type=file_path, metavar="FILE", help="Require one of the bearer tokens in FILE, which has one per line."
)
@click.option(
    "--operator-tokens",
    "operators_file",
    type=file_path,
    metavar="FILE",
    help="Require one of the bearer tokens in FILE to load and unload models.",
)
@click.option("--tls-certificate", type=file_path, metavar="PEM", help="Serve HTTPS with this certificate chain.")
@click.option("--tls-key", type=file_path, metavar="PEM", help="Private key of the certificate.")
@click.option("--tls-client-ca", type=file_path, metavar="PEM", help="Require client certificates signed by the authorities in this file.")
@click.option("--access-log/--no-access-log", default=True, show_default=True, help="Log each request to standard error as a line of JSON.")
@device_option
def command(
    models: tuple[str, ...],
    folder: Path | None,
    strict: bool,
    host: str,
    port: int,
    grpc_port: int | None,
    origins: tuple[str, ...],
    root_path: str,
    trusted: tuple[str, ...],
    settings_file: Path | None,
    tokens_file: Path | None,
    operators_file: Path | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_client_ca: Path | None,
    access_log: bool,
    device: str,
) -> None:
    """Serve models over HTTP and, if --grpc-port is given, also over gRPC.

    The server implements the Open Inference Protocol (KServe V2) with the extensions of NVIDIA's Triton, so that clients such as
    tritonclient can be used. The server also has a web page. On SIGTERM, the server reports that it is not ready, completes pending
    requests and exits with code 0.

    Without --tokens, everybody who can reach the port can send requests. With --operator-tokens, an operator token is required to load and
    unload models. Without --operator-tokens, only requests to localhost can load and unload models. Loading and unloading is disabled
    if --host is not a loopback address, or if --tokens, --root-path, --forwarded-allow-ips or --allow-origin is given.
    """
    _require_packages(grpc=grpc_port is not None)
    from dreamkeras.serving.auth import Guard, Tokens
    from dreamkeras.serving.http.app import create_app
    from dreamkeras.serving.lifecycle import bind, run
    from dreamkeras.serving.logs import write_logs
    from dreamkeras.serving.settings import Settings, read_settings

    if strict and not folder:
        raise click.UsageError("--strict requires --models DIR.")
    proxy = _proxy(origins, root_path, trusted)
    tls = _tls(tls_certificate, tls_key, tls_client_ca)
    settings = read_settings(settings_file) if settings_file else Settings()
    tokens, operators = (Tokens(file) if file else None for file in (tokens_file, operators_file))
    guard = Guard(tokens, operators, control=host in LOOPBACK and tokens is None and not any(proxy))
    write_logs(access=access_log)
    repository = _repository(models, folder, device, settings, strict=strict)
    app = create_app(settings, repository, guard, proxy)
    listener = bind(host, port)
    shown = f"[{host}]" if ":" in host else host
    addresses = [f"http{'s' if tls else ''}://{shown}:{listener.getsockname()[1]}"]
    if grpc_port is not None:
        from dreamkeras.serving.grpc.server import add_grpc

        addresses.append(f"gRPC on {shown}:{add_grpc(app, host, grpc_port, tls)}")
    gc.collect()
    gc.freeze()  # loaded modules and models stay in memory, so the garbage collector need not scan them
    run(app, listener, tls, started=lambda: _announce(repository, guard, addresses, host, is_published=any(proxy)))


def _require_packages(*, grpc: bool) -> None:
    from importlib.util import find_spec

    from dreamkeras.errors import MissingPackageError

    for extra, packages in {"serve": ("starlette", "uvicorn", "httptools"), "grpc": ("grpc", "tritonclient")}.items():
        for package in packages if extra == "serve" or grpc else ():
            if find_spec(package) is None:
                raise MissingPackageError(f"Serving requires {package}: pip install 'dreamkeras[{extra}]'.")


def _announce(repository: "ModelRepository", guard: "Guard", addresses: list[str], host: str, *, is_published: bool) -> None:
    served = ", ".join(f"{model.name} (version {model.version})" for model in repository.ready)
    click.echo(f"Serving {served or 'no model yet'} on {' and '.join(addresses)}.", err=True)
    if host not in LOOPBACK:
        reach = "every machine that can reach this port"
    elif is_published:
        reach = "this machine, clients of a reverse proxy on this machine, and web pages of allowed sites"
    else:
        reach = "this machine only; --host 0.0.0.0 opens the server to other machines"
    click.echo(f"Open to {reach}. {guard.describe()}", err=True)


def _tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> "Tls | None":
    from dreamkeras.serving.lifecycle import Tls

    if certificate and key:
        return Tls(certificate, key, client_ca)
    if certificate or key or client_ca:
        raise click.UsageError("TLS requires both --tls-certificate and --tls-key.")
    return None


def _proxy(origins: tuple[str, ...], root_path: str, trusted: tuple[str, ...]) -> "Proxy":
    from dreamkeras.errors import InputError
    from dreamkeras.serving.http.proxy import Proxy, parse_origin, parse_root_path, parse_trusted

    try:
        return Proxy(tuple(map(parse_origin, origins)), parse_root_path(root_path), parse_trusted(trusted))
    except InputError as error:
        raise click.UsageError(str(error)) from None


def _repository(models: tuple[str, ...], folder: Path | None, device: str, settings: "Settings", *, strict: bool) -> "ModelRepository":
    """Loads the models of the command line, or the packaged model if none is named."""
    from dreamkeras.scoring.predictor import PACKAGED_MODEL, load
    from dreamkeras.serving.model_folder import named_paths
    from dreamkeras.serving.repository import ModelRepository

    if not models and not folder:
        click.echo(f"No -m given: serving the packaged model as {PACKAGED_MODEL.stem}.", err=True)
        models = (str(PACKAGED_MODEL),)
    repository = ModelRepository(named_paths(models), folder, lambda path: load(path, device, threads=1), settings)
    for problem in repository.load_all(strict=strict):
        click.echo(f"Warning: {problem}", err=True)
    return repository
