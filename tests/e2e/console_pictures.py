"""Screenshots of the pages of the console: light, dark, and on a phone."""

import base64
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import requests
from selenium import webdriver

from changeover.stack import Stack
from tests.conftest import wait_until
from tests.e2e.console_models import MODEL

LARGEST = 150_000  # bytes of a picture in the documents
DESK, PHONE = (1280, 800), (390, 844)


def pages(driver: webdriver.Chrome, address: str) -> dict[str, str]:
    """The path of each page, by name, as the session of the browser sees them."""
    driver.get(f"{address}/ui/")  # its cookies are those of the page that it shows
    cookies = {each["name"]: each["value"] for each in driver.get_cookies()}
    page = requests.get(f"{address}/ui/models/{MODEL}.json", cookies=cookies, timeout=30).json()
    now, other = page["live"]["current"]["version"], page["versions"]["rows"][0]["version"]
    model = f"/ui/models/{MODEL}"
    return {
        "models": "/ui/",
        "model": model,
        "version": f"{model}/versions/{now}",
        "compare": f"{model}/compare?a={now}&b={other}",
        "roll": f"{model}/roll?version={other}",
        "rejected": "/ui/rejected",
        "audit": "/ui/audit",
    }


def take_pictures(driver: webdriver.Chrome, address: str, folder: Path) -> None:
    """Save a picture of each page; two also as a phone shows them."""
    paths = pages(driver, address)
    for name, path in paths.items():
        for scheme in ("light", "dark"):
            _take(driver, f"{address}{path}", folder / f"console-{name}-{scheme}.png", scheme, DESK)
    for name in ("models", "model"):
        _take(driver, f"{address}{paths[name]}", folder / f"console-{name}-phone.png", "light", PHONE)
    driver.delete_all_cookies()
    _take(driver, f"{address}/ui/login", folder / "console-login-light.png", "light", DESK)


def take_rolls(driver: webdriver.Chrome, stack: Stack, folder: Path) -> None:
    """Save pictures of the page of a model while a version is rehearsed, and while a switch is watched."""
    headers, model = {"Authorization": f"Bearer {stack.token}"}, f"{stack.server_url}/models/{MODEL}"

    def send(path: str, **body: object) -> dict[str, Any]:
        answer = requests.post(f"{model}/{path}", json=body, headers=headers, timeout=120)
        assert answer.ok, answer.text
        return dict(answer.json())

    def live() -> dict[str, Any]:
        return dict(requests.get(f"{stack.server_url}/ui/models/{MODEL}/live.json", headers=headers, timeout=30).json())

    listed = requests.get(f"{model}/versions", headers=headers, timeout=30).json()["versions"]
    newest = next(each["version"] for each in listed if each["state"] != "rejected")
    begun = send("rollouts", version=newest, rehearse=3600, watch=600, reason="weekly retrain", on_behalf_of="grace")
    wait_until(lambda: ((live()["rehearsal"] or {}).get("rows") or 0) > 200, 120, "rows of the rehearsal")
    _take_each(driver, stack.server_url, folder, "rolling")
    send(f"rollouts/{begun['id']}/abort?wait=60", reason="for a picture")
    send("rollouts?wait=90", version=newest, rehearse=2, watch=600, reason="weekly retrain", on_behalf_of="grace")
    wait_until(lambda: (live()["watch"] or {}).get("after", 0) > 200, 120, "requests of the watch")
    _take_each(driver, stack.server_url, folder, "watch")
    send("rollback?wait=60", reason="the pictures are taken")


def _take_each(driver: webdriver.Chrome, address: str, folder: Path, name: str) -> None:
    page = f"{address}/ui/models/{MODEL}"
    for kind, scheme, size in (("light", "light", DESK), ("dark", "dark", DESK), ("phone", "light", PHONE)):
        _take(driver, page, folder / f"console-{name}-{kind}.png", scheme, size)


def faults_of_access(driver: webdriver.Chrome, address: str, scheme: str, axe: str) -> list[str]:
    """The serious and critical violations that axe finds on a page, each with the elements."""
    _show(driver, address, scheme, DESK)
    driver.execute_script(axe)
    found = driver.execute_async_script("axe.run(document).then((found) => arguments[0](found.violations))")
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]


def _show(driver: webdriver.Chrome, address: str, scheme: str, size: tuple[int, int]) -> None:
    width, height = size
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    driver.get(address)


def _take(driver: webdriver.Chrome, address: str, file: Path, scheme: str, size: tuple[int, int]) -> None:
    _show(driver, address, scheme, size)
    picture = _with_palette(_pixels(driver, driver.get_screenshot_as_base64()))
    assert len(picture) <= LARGEST, f"{file.name} has {len(picture)} bytes"
    file.write_bytes(picture)


_DECODE = """
const [picture, done] = arguments;
fetch("data:image/png;base64," + picture).then(async (answer) => {
  const bitmap = await createImageBitmap(await answer.blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  canvas.drawImage(bitmap, 0, 0);
  const bytes = canvas.getImageData(0, 0, bitmap.width, bitmap.height).data;
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  done([bitmap.width, bitmap.height, btoa(text)]);
});
"""


def _pixels(driver: webdriver.Chrome, picture: str) -> np.ndarray:
    """The pixels of a PNG, decoded by the browser on an empty page: height, width, and red, green and blue."""
    driver.get("about:blank")
    width, height, text = driver.execute_async_script(_DECODE, picture)
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)[:, :, :3]


def _with_palette(pixels: np.ndarray) -> bytes:
    """A PNG of 256 colours: the most frequent, and those that would change most; any other becomes the nearest."""
    flat = pixels.reshape(-1, 3).astype(np.int32)
    codes, inverse, counts = np.unique(
        flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2], return_inverse=True, return_counts=True
    )
    colours = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1)
    palette = colours[np.argsort(-counts)[:192]]
    while len(palette) < min(256, len(colours)):
        away = np.array([((palette - colour) ** 2).sum(axis=1).min() for colour in colours])
        palette = np.vstack([palette, colours[(away * counts).argmax()]])
    nearest = np.array([((palette - colour) ** 2).sum(axis=1).argmin() for colour in colours], np.uint8)
    height, width, _ = pixels.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter, none
    rows[:, 1:] = nearest[inverse].reshape(height, width)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = {
        b"IHDR": head,
        b"PLTE": palette.astype(np.uint8).tobytes(),
        b"IDAT": zlib.compress(rows.tobytes(), 9),
        b"IEND": b"",
    }
    chunks = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
