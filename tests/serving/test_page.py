"""The page in a real browser: Debian's Chromium, driven by Playwright. Skipped where either is missing: see CONTRIBUTING.md."""

import csv
import shutil

import pytest
from running_nginx import running_nginx
from running_server import QUICK, running_server

from dreamkeras.scoring.predictor import PACKAGED_MODEL, load
from dreamkeras.serving.auth import Guard, Tokens
from dreamkeras.serving.repository import ModelRepository

playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PROMOTERS = {"first": "ACGTTGCA" * 10, "second": "TTTTGGGGCATGCAAACC" * 4}
FASTA = "".join(f">{name}\n{sequence}\n" for name, sequence in PROMOTERS.items())
TOKEN = "0123456789abcdef"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


def serve(guard=None):
    repository = ModelRepository({"yeast": PACKAGED_MODEL}, None, lambda path: load(path, "cpu", 1), QUICK)
    repository.load_all()
    return running_server(repository, guard=guard)


@pytest.fixture(scope="module")
def server():
    with serve() as running:
        yield running


@pytest.fixture
def page(browser, server):
    page = browser.new_page()
    troubles = []
    page.on("console", lambda message: troubles.append(message.text) if "400 (Bad Request)" not in message.text else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "request",
        lambda request: troubles.append(request.url) if server.address not in request.url and request.url[:5] != "data:" else None,
    )
    page.goto(f"http://{server.address}/")
    playwright.expect(page.get_by_text("Construct yeast: 1 to 137 bases")).to_be_visible()
    yield page
    page.close()
    assert not troubles


def status(page, text):
    playwright.expect(page.get_by_role("status")).to_have_text(text)


def rows(page, table):
    return [line.split("\t") for line in page.locator(f"{table} tbody").inner_text().splitlines()]


def downloaded(page, button):
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    with open(download.value.path()) as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_pasted_sequences_are_predicted_and_downloaded(page):
    page.get_by_label("Sequences").fill(FASTA)
    page.get_by_role("button", name="Predict").click()
    status(page, "Predicted 2 sequences.")
    wanted = load().predict(PROMOTERS.values())[:, 0]
    assert [row[0] for row in rows(page, "#table")] == list(PROMOTERS)
    assert [float(row[1]) for row in rows(page, "#table")] == pytest.approx(wanted, abs=1e-4)
    table = downloaded(page, "Download TSV")
    assert [row["id"] for row in table] == list(PROMOTERS)
    assert [float(row["expression"]) for row in table] == pytest.approx(wanted, abs=1e-4)


def test_a_logo_shows_every_letter_and_its_effects_are_downloaded(page):
    page.get_by_label("Sequences").fill(FASTA)
    page.get_by_role("button", name="Predict").click()
    page.get_by_role("button", name="Logo of second").click()
    status(page, "Scored all single-base changes of second.")
    letters = page.locator("#logo svg path")
    assert "".join(letters.evaluate_all("paths => paths.map(path => path.getAttribute('class'))")) == PROMOTERS["second"]
    assert page.get_by_role("img", name="The strongest change is").count() == 1
    table = downloaded(page, "Download all effects")
    assert len(table) == 3 * len(PROMOTERS["second"])
    mutant = PROMOTERS["second"][:4] + "A" + PROMOTERS["second"][5:]
    (row,) = [row for row in table if (row["position"], row["ref"], row["alt"]) == ("5", "G", "A")]
    before, after = load().predict([PROMOTERS["second"], mutant])[:, 0]
    assert float(row["expression_effect"]) == pytest.approx(after - before, abs=1e-3)


def test_a_file_is_predicted(page, tmp_path):
    file = tmp_path / "promoters.fa"
    file.write_text(FASTA)
    page.get_by_label("or choose a file").set_input_files(file)
    status(page, "Predicted 2 sequences.")


def test_a_dropped_file_is_predicted(page):
    transfer = page.evaluate_handle(
        "text => { const moved = new DataTransfer(); moved.items.add(new File([text], 'dropped.fa')); return moved; }", FASTA
    )
    page.dispatch_event("#sequences", "drop", {"dataTransfer": transfer})
    status(page, "Predicted 2 sequences.")


def test_a_wrong_sequence_is_told_with_its_name(page):
    page.get_by_label("Sequences").fill(">odd\nACGT!\n")
    page.get_by_role("button", name="Predict").click()
    status(page, "Expected DNA letters, got '!' at position 5 in record 'odd' (the request's body, line 1).")


def test_keys_are_enough(page):
    page.keyboard.press("Tab")
    page.keyboard.insert_text(PROMOTERS["first"])
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    status(page, "Predicted 1 sequence.")
    assert page.evaluate("document.activeElement.id") == "results-heading"
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Logo of 1"
    page.keyboard.press("Enter")
    status(page, "Scored all single-base changes of 1.")


def test_every_control_has_a_name(page):
    unnamed = (
        "[...document.querySelectorAll('input, select, textarea, button')].filter(one => !(one.labels?.length || one.textContent.trim()))"
    )
    assert page.evaluate(f"{unnamed}.length") == 0


def test_a_server_that_asks_for_tokens_is_given_one(browser, tmp_path):
    (tmp_path / "tokens").write_text(TOKEN + "\n")
    with serve(Guard(Tokens(tmp_path / "tokens"))) as server:
        page = browser.new_page()
        page.goto(f"http://{server.address}/")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_label("Token").press("Tab")
        playwright.expect(page.get_by_text("Construct yeast")).to_be_visible()
        page.get_by_label("Sequences").fill(FASTA)
        page.get_by_role("button", name="Predict").click()
        status(page, "Predicted 2 sequences.")
        page.close()


def test_the_interface_for_programs_is_written_out(browser, server):
    page = browser.new_page()
    page.goto(f"http://{server.address}/docs")
    playwright.expect(page.get_by_role("heading", name="POST /v1/predict")).to_be_visible()
    assert page.get_by_text(f"curl http://{server.address}/v1/models").count() == 1
    page.close()


def test_page_works_behind_nginx_with_its_defaults(browser, server, tmp_path):
    block = f"server {{ listen 127.0.0.1:PORT; location / {{ proxy_pass http://{server.address}; }} }}"
    with running_nginx(tmp_path, block) as port:
        page = browser.new_page()
        page.goto(f"http://localhost:{port}/")
        page.get_by_label("Sequences").fill(FASTA)
        page.get_by_role("button", name="Predict").click()
        status(page, "Predicted 2 sequences.")
        page.get_by_role("button", name="Logo of first").click()
        status(page, "Scored all single-base changes of first.")
        playwright.expect(page.locator("#logo svg")).to_be_visible()
        page.close()
