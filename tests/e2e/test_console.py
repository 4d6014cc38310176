"""The console in a real browser, driven as a person would: log in, read, upload, roll under load, compare, roll back.

The same by forms without JavaScript. `CONSOLE_SCREENSHOTS=docs/images` saves a screenshot of each page, and
`CONSOLE_AXE=node_modules/axe-core/axe.min.js` lets axe-core look for faults of accessibility.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.conftest import wait_until
from tests.e2e.console_models import MODEL, applicants, artifact, publish, roll
from tests.e2e.console_pictures import faults_of_access, pages, take_pictures, take_rolls
from tests.e2e.test_apidocs import BROWSER, DRIVER, FLAGS, requested
from tests.processes.up import RunningStack, launch

pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="there is no `chromium` with its `chromedriver`")
PICTURES = os.environ.get("CONSOLE_SCREENSHOTS")
AXE = os.environ.get("CONSOLE_AXE")
ANSWERS = "section[aria-labelledby=answers]"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack with two versions of MODEL, the first of them current."""
    home = tmp_path_factory.mktemp("console") / "home"
    started = launch(home, {"DEFAULT_MODEL": MODEL}, workers=2, replicas=2 if PICTURES else 1)
    for week in (31, 32) if not PICTURES else range(31, 39):
        version = publish(started.described, week)
        if week in {31, 34, 35}:
            roll(started.described, version, f"weekly retrain, week {week}", "ada" if week % 2 else "grace")
            started.wait_until_held(MODEL, version)
    yield started
    started.stop()


@contextmanager
def browser(folder: Path, *, javascript: bool = True) -> Iterator[webdriver.Chrome]:
    """A browser with a profile of its own that reaches no host but this one."""
    options = Options()
    options.binary_location = str(BROWSER)
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    if not javascript:
        blocked = {"profile.managed_default_content_settings.javascript": 2}
        options.add_experimental_option("prefs", blocked)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(str(DRIVER)))
    driver.set_window_size(1280, 800)
    try:
        yield driver
    finally:
        driver.quit()


class Person:
    """A person at a browser."""

    def __init__(self, browser: webdriver.Chrome, stack: RunningStack) -> None:
        self.browser = browser
        self.address = stack.described.server_url
        self.token = str(stack.described.token)

    def see(self, selector: str, text: str = "") -> WebElement:
        """The first element of the selector that has the text, as soon as it is shown."""

        def shown() -> WebElement | None:
            found = self.browser.find_elements(By.CSS_SELECTOR, selector)
            return next((each for each in found if each.is_displayed() and text in each.text), None)

        found = wait_until(lambda: _unless_replaced(shown), 30, f"{selector} with {text!r}")
        assert found is not None
        return found

    def go(self, path: str) -> None:
        self.browser.get(f"{self.address}{path}")

    def log_in(self) -> None:
        self.go(f"/ui/models/{MODEL}")
        self.see("#token").send_keys(self.token)
        self.see("button.primary").click()
        self.see("h1", MODEL)

    def current(self) -> str:
        return self.see(f"{ANSWERS} .hash").text

    def roll(self, version: str, reason: str) -> None:
        """Roll by the form, from the page of the version on."""
        self.go(f"/ui/models/{MODEL}/versions/{version}")
        self.see(".actions .primary", "Roll it").click()
        self.see("#reason").send_keys(reason)
        self.see("form.act .primary", "Roll").click()
        self.see("h1", MODEL)

    def roll_back(self, reason: str) -> None:
        self.go(f"/ui/models/{MODEL}")
        self.see("#back-reason").send_keys(reason)
        self.see("form.act .danger", "Roll back").click()

    def upload(self, file: Path) -> str:
        """Upload by the form; returns the short hash of the version, whose page it leads to."""
        self.go(f"/ui/models/{MODEL}")
        self.see("#artifact").send_keys(str(file))
        self.see("form.upload button").click()
        result = self.see("h1.mono, .outcome.red, .alert")
        assert result.tag_name == "h1", result.text
        return result.text


def _unless_replaced(shown: Callable[[], WebElement | None]) -> WebElement | None:
    """The element, None while the live part is being replaced."""
    try:
        return shown()
    except StaleElementReferenceException:
        return None


@contextmanager
def load(stack: RunningStack) -> Iterator[list[int]]:
    """Predictions one after the other; the list has their statuses."""
    statuses: list[int] = []
    over = threading.Event()
    row = applicants(1, 1).to_dict("records")[0]

    def predict() -> None:
        with requests.Session() as session:
            while not over.is_set():
                answer = session.post(f"{stack.described.predict_urls[0]}/predict", json=row, timeout=30)
                statuses.append(answer.status_code)

    thread = threading.Thread(target=predict)
    thread.start()
    try:
        yield statuses
    finally:
        over.set()
        thread.join()


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Selenium that asks no other host."""
    monkeypatch.setenv("SE_OFFLINE", "true")
    monkeypatch.setenv("SE_AVOID_STATS", "true")


@pytest.mark.usefixtures("quiet")
def test_a_person_reads_uploads_rolls_under_load_compares_and_rolls_back(stack: RunningStack, tmp_path: Path) -> None:
    file = tmp_path / "week-40.joblib"
    file.write_bytes(artifact(40)[0])
    with browser(tmp_path) as driver:
        person = Person(driver, stack)
        person.log_in()
        before = person.current()
        assert person.see("#sentence .badge").text == "confirmed"
        for question in ("What answers now", "What is rolling", "Did behaviour change", "Versions", "Act"):
            person.see("h2", question)
        after = person.upload(file)
        with load(stack) as statuses:
            wait_until(lambda: len(statuses) > 20, what="a load")
            person.roll(driver.current_url.rpartition("/")[2], "tried in a browser")
            driver.execute_script("document.body.dataset.loaded = 'once'")
            person.see(f"{ANSWERS} .hash", after)
            person.see("#sentence", f"answer by {after}")
            assert driver.execute_script("return document.body.dataset.loaded") == "once"
            person.see("#traffic", "a second")
            person.see("#latency", "99 of 100 within")
        assert set(statuses) == {200}
        person.see("#rolling ~ .phases .done", "prepare")
        person.see("#again").click()
        person.see("section[aria-labelledby=ledger] td", "tried in a browser")
        person.see("section[aria-labelledby=ledger] td a[title='Compare the two']", before).click()
        person.see("h1", "Compare")
        person.see("h2", "Golden rows")
        person.roll_back("back in a browser")
        person.see(f"{ANSWERS} .hash", before)
        cancelled = "return document.body.dispatchEvent(new CustomEvent('htmx:beforeRequest', {cancelable: true}))"
        assert driver.execute_script(cancelled) is True
        hide = "Object.defineProperty(document, 'hidden', {value: true})"
        assert driver.execute_script(f"{hide}; {cancelled}") is False
        hosts = {url.split("/", 3)[2] for url in requested(driver) if url.startswith(("http", "ws"))}
        assert hosts == {person.address.partition("//")[2]}
        assert [entry for entry in driver.get_log("browser") if entry["level"] in {"SEVERE", "WARNING"}] == []


@pytest.mark.usefixtures("quiet")
def test_the_same_by_forms_without_javascript(stack: RunningStack, tmp_path: Path) -> None:
    file = tmp_path / "week-41.joblib"
    file.write_bytes(artifact(41)[0])
    with browser(tmp_path, javascript=False) as driver:
        person = Person(driver, stack)
        person.log_in()
        before = person.current()
        after = person.upload(file)
        person.see("section[aria-labelledby=try]", "Only the current version answers")
        person.roll(driver.current_url.rpartition("/")[2], "by a form")

        def answers(version: str) -> bool:
            person.go(f"/ui/models/{MODEL}")
            return person.current() == version

        wait_until(lambda: answers(after), what="the new version")
        person.see(f"{ANSWERS} .hash").click()
        wait_until(lambda: person.see("section[aria-labelledby=try] button"), what="the form")
        person.see("section[aria-labelledby=try] button", "Predict").click()
        assert person.see(".found b").text.split()[0] in {"approve", "refuse"}
        person.see(".found .hash", after)
        person.roll_back("by a form")
        wait_until(lambda: answers(before), what="the version before")
        person.see("section[aria-labelledby=ledger] td", "by a form")


@pytest.mark.usefixtures("quiet")
@pytest.mark.skipif(not AXE, reason="CONSOLE_AXE does not name the file axe.min.js of npm's axe-core")
def test_axe_finds_nothing_serious(stack: RunningStack, tmp_path: Path) -> None:
    script = Path(str(AXE)).read_text(encoding="utf-8")
    with browser(tmp_path) as driver:
        person = Person(driver, stack)
        person.log_in()
        for name, path in pages(driver, person.address).items():
            for scheme in ("light", "dark"):
                assert faults_of_access(driver, f"{person.address}{path}", scheme, script) == [], name


@pytest.mark.usefixtures("quiet")
@pytest.mark.skipif(not PICTURES, reason="CONSOLE_SCREENSHOTS is not set")
def test_pictures(stack: RunningStack, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "profile", ignore_errors=True)
    headers = {"Authorization": f"Bearer {stack.described.token}"}
    refused = f"{stack.described.server_url}/models/{MODEL}/versions?name=notes.txt"
    requests.post(refused, data=b"not a model", headers=headers, timeout=60)
    with browser(tmp_path) as driver, load(stack):
        person = Person(driver, stack)
        person.log_in()
        person.see("#traffic", "a second")
        take_rolls(driver, stack.described, Path(str(PICTURES)))
        take_pictures(driver, person.address, Path(str(PICTURES)))
