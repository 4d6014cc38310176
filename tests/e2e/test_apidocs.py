"""`/apidocs` in a real browser, without any other host: a prediction is made by clicking.

`APIDOCS_SCREENSHOT=docs/images/apidocs.png` saves a screenshot of the page.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.conftest import wait_until
from tests.e2e.conftest import StartStack
from tests.e2e.documented_models import SHOP, publish_all

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    *("--window-size=1100,1500", "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"),
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
