"""Screenshots of the pages of the console: light, dark, and on a phone."""

from pathlib import Path

import requests
from selenium import webdriver

from tests.e2e.console_models import MODEL

LARGEST = 150_000  # bytes of a picture in the documents
DESK, PHONE = (1280, 800), (390, 844)


def take_pictures(driver: webdriver.Chrome, address: str, folder: Path) -> None:
    """Save a picture of each page; the first page also as its phone shows it."""
    cookies = {each["name"]: each["value"] for each in driver.get_cookies()}
    page = requests.get(f"{address}/ui/models/{MODEL}.json", cookies=cookies, timeout=30).json()
    versions = [row["version"] for row in page["versions"]["rows"]]
    now, other = page["live"]["current"]["version"], versions[0]
    model = f"/ui/models/{MODEL}"
    pages = {
        "models": "/ui/",
        "model": model,
        "version": f"{model}/versions/{now}",
        "compare": f"{model}/compare?a={now}&b={other}",
        "roll": f"{model}/roll?version={other}",
        "rejected": "/ui/rejected",
        "audit": "/ui/audit",
    }
    for name, path in pages.items():
        for scheme in ("light", "dark"):
            _take(driver, f"{address}{path}", folder / f"console-{name}-{scheme}.png", scheme, DESK)
    for name in ("models", "model"):
        _take(driver, f"{address}{pages[name]}", folder / f"console-{name}-phone.png", "light", PHONE)
    driver.delete_all_cookies()
    _take(driver, f"{address}/ui/login", folder / "console-login-light.png", "light", DESK)


def _take(driver: webdriver.Chrome, address: str, file: Path, scheme: str, size: tuple[int, int]) -> None:
    width, height = size
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    driver.get(address)
    picture = driver.get_screenshot_as_png()
    assert len(picture) <= LARGEST, f"{file.name} has {len(picture)} bytes"
    file.write_bytes(picture)
