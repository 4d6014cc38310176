"""predict_api in a real browser, without any other host: `/apidocs`, also behind a proxy, and a page of another origin.

`APIDOCS_SCREENSHOT=docs/images/apidocs.png` saves a screenshot of the page.
"""

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions

from tests.conftest import wait_until
from tests.e2e.conftest import StartStack
from tests.e2e.documented_models import SHOP, publish_all
from tests.processes.predict_api import PredictApi
from tests.tiny_models import ROW, tiny
from tests.wire_stub import running_stub

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    *(
        "--window-size=1100,1500",
        "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
    ),
)
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="there is no `chromium` with its `chromedriver`")


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[webdriver.Chrome]:
    """A browser with a profile of its own that reaches no host but this one."""
    monkeypatch.setenv("SE_OFFLINE", "true")
    monkeypatch.setenv("SE_AVOID_STATS", "true")
    options = Options()
    options.binary_location = str(BROWSER)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(str(DRIVER)))
    yield driver
    driver.quit()


def seen(browser: webdriver.Chrome, selector: str) -> WebElement:
    """The first element that the selector finds, as soon as it is shown."""

    def shown() -> WebElement | None:
        return next(
            (element for element in browser.find_elements(By.CSS_SELECTOR, selector) if element.is_displayed()), None
        )

    return wait_until(shown, 30, selector)  # type: ignore[return-value]


def click(browser: webdriver.Chrome, selector: str) -> None:
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", seen(browser, selector))
    seen(browser, selector).click()


def requested(browser: webdriver.Chrome) -> set[str]:
    """Every address that the page requested."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}


def test_a_prediction_is_made_by_clicking(browser: webdriver.Chrome, start_stack: StartStack) -> None:
    stack = start_stack(environment={"DEFAULT_MODEL": SHOP}, workers=1)
    publish_all(stack)
    address = stack.described.predict_urls[0]
    version = requests.get(f"{address}/models/{SHOP}", timeout=10).json()["version"]

    browser.get(f"{address}/apidocs")
    call = "#operations-predict-predict"
    click(browser, call)
    click(browser, f"{call} .try-out__btn")
    assert "basket value" in seen(browser, f"{call} textarea").get_attribute("value")  # type: ignore[operator]
    click(browser, f"{call} .execute")
    answer = f"{call} .live-responses-table .response"
    assert seen(browser, f"{answer} .response-col_status").text.startswith("200")
    body = seen(browser, f"{answer} .response-col_description .highlight-code").text
    assert version in body
    assert '"prediction"' in body

    assert {url.split("/", 3)[2] for url in requested(browser) if url.startswith(("http", "ws"))} == {address[7:]}
    faults = [entry for entry in browser.get_log("browser") if entry["level"] in {"SEVERE", "WARNING"}]
    assert faults == []
    if picture := os.environ.get("APIDOCS_SCREENSHOT"):
        browser.set_window_size(1100, 1900)
        browser.execute_script("arguments[0].scrollIntoView()", seen(browser, call))
        browser.save_screenshot(picture)


class Proxy(BaseHTTPRequestHandler):
    """A proxy that publishes an instance under /team/ml, strips this prefix and names it; and a page at /page."""

    api = ""
    prefix = "/team/ml"
    page = b"<!DOCTYPE html><title>A page of another origin</title><link rel=icon href=data:,>"

    def do_GET(self) -> None:
        if self.path == "/page":
            self._send(200, "text/html", self.page)
        else:
            self._pass_on(b"")

    def do_POST(self) -> None:
        self._pass_on(self.rfile.read(int(self.headers["Content-Length"])))

    def _pass_on(self, body: bytes) -> None:
        inside = self.path.startswith(f"{self.prefix}/")
        headers = {name: value for name, value in self.headers.items() if name in {"X-API-Key", "Content-Type"}}
        path = self.path.removeprefix(self.prefix) if inside else "/not/under/the/prefix"
        headers["X-Forwarded-Prefix"] = self.prefix
        answer = requests.request(self.command, f"{self.api}{path}", data=body, headers=headers, timeout=30)
        self._send(answer.status_code, answer.headers["Content-Type"], answer.content)

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """No line for each request."""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The addresses of an instance that needs a key, and of the proxy in front of it."""
    folder = tmp_path_factory.mktemp("published")
    keys = folder / "keys.json"
    keys.write_text(json.dumps({"keys": [{"name": "page", "sha256": hashlib.sha256(b"page-key").hexdigest()}]}))
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    address = f"http://127.0.0.1:{proxy.server_address[1]}"
    settings = {"KEYS_FILE": str(keys), "CORS_ORIGINS": address, "TRUSTED_PROXIES": "127.0.0.1/32", "WORKERS": "1"}
    with running_stub() as stub:
        stub.roll("default", stub.publish("default", *tiny(3)))
        with PredictApi(stub.url, folder, **settings) as api:
            wait_until(lambda: api.answers("/readyz"), what="a model")
            Proxy.api = api.url
            threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True).start()
            yield api.url, address
            proxy.shutdown()
            proxy.server_close()


def test_the_page_follows_the_prefix_of_a_proxy_and_asks_for_the_key(
    browser: webdriver.Chrome, published: tuple[str, str]
) -> None:
    _, proxy = published
    browser.get(f"{proxy}/team/ml/apidocs")
    question = wait_until(lambda: expected_conditions.alert_is_present()(browser), what="the question for the key")
    question.send_keys("page-key")
    question.accept()
    call = "#operations-predict-predict"
    click(browser, call)
    click(browser, f"{call} .try-out__btn")
    click(browser, f"{call} .execute")
    assert seen(browser, f"{call} .live-responses-table .response .response-col_status").text.startswith("200")
    assert f"{proxy}/team/ml/predict" in requested(browser)


FETCH = """
const [url, key, row, done] = arguments;
fetch(url, {method: "POST", headers: {"Content-Type": "application/json", "X-API-Key": key}, body: row})
  .then(async (answer) => done([answer.status, answer.headers.get("Model-Version"), await answer.json()]))
  .catch((error) => done([0, null, String(error)]));
"""


def test_a_page_of_a_listed_origin_predicts_and_another_does_not(
    browser: webdriver.Chrome, published: tuple[str, str]
) -> None:
    api, proxy = published

    def fetched(page: str) -> list[object]:
        browser.get(page)
        answer: list[object] = browser.execute_async_script(FETCH, f"{api}/predict", "page-key", json.dumps(ROW))
        return answer

    status, version, body = fetched(f"{proxy}/page")
    assert (status, body["prediction"]) == (200, 3)  # type: ignore[index]
    assert version == body["model_version"]  # type: ignore[index]
    assert fetched(f"{proxy.replace('127.0.0.1', 'localhost')}/page")[0] == 0
