"""A real nginx (Debian package nginx-light) in front of a test server. Tests that use it are skipped where nginx is missing."""

import contextlib
import shutil
import socket
import subprocess
import time

import pytest

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


@contextlib.contextmanager
def running_nginx(folder, server):
    """Starts nginx with a `server` block, in which PORT is replaced by a free port. Yields the port."""
    if NGINX is None:
        pytest.skip("nginx is not installed: apt install nginx-light")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = folder / "nginx.conf"
    file.write_text(CONFIGURATION.format(folder=folder, server=server.replace("PORT", str(port))))
    command = [NGINX, "-p", folder, "-c", file, "-e", folder / "error.log"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process, folder / "error.log")
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(port, process, log):
    for _ in range(3000):
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=30):
            return
        assert process.poll() is None, log.read_text()
        time.sleep(0.01)
    pytest.fail(log.read_text())
