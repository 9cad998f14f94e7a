"""A real browser for pages that we write: headless Chromium by chromedriver.

Where either is missing the tests are skipped, with CI=true failed. `pages(html, dark=True, screen="phone")` opens a
page; VMM_SCREENSHOTS=DIR keeps a picture of each at its test's end.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install selenium")
from selenium.webdriver.chrome.service import Service  # noqa: E402 - only where there is selenium

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--hide-scrollbars",
)  # fmt: skip
WIDTHS = {"desk": 1280, "phone": 390}
"""In CSS pixels."""


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """One for all tests: it takes a second to start."""
    binary, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if binary is None or driver is None:
        reason = "no headless Chromium here: apt-get install chromium chromium-driver"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    yield chrome
    chrome.quit()


class Page:
    """A page that is open, and what it did."""

    def __init__(self, browser: webdriver.Chrome, path: Path) -> None:
        self.browser, self.path = browser, path

    def run(self, script: str, *values: object) -> object:
        """What a script returns."""
        return self.browser.execute_script(script, *values)

    def column(self, table: str, heading: str) -> list[str]:
        """The words of a column, of the rows that are shown."""
        return self.run(  # type: ignore[return-value]
            """const tables = [...document.querySelectorAll("table")];
            const table = tables.find((one) => one.caption.textContent === arguments[0]);
            const at = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent === arguments[1]);
            return [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.cells[at].textContent);""",
            table, heading,
        )  # fmt: skip

    def heading(self, table: str, heading: str) -> object:
        """The button that sorts by a column."""
        return self.browser.find_element("xpath", f"//table[caption='{table}']//th/button[text()='{heading}']")

    def complaints(self) -> list[str]:
        """What the console said."""
        return [entry["message"] for entry in self.browser.get_log("browser")]

    def requests(self) -> list[str]:
        """Every address that was asked for."""
        events = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


@pytest.fixture
def pages(browser: webdriver.Chrome, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Opens a page from its text."""
    opened: list[Path] = []

    def show(html: str, *, dark: bool = False, screen: str = "desk") -> Page:
        path = tmp_path / f"page{len(opened)}.html"
        path.write_text(html, encoding="utf-8")
        browser.get("about:blank")
        for log in ("browser", "performance"):
            browser.get_log(log)  # of earlier pages
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": WIDTHS[screen], "height": 900, "deviceScaleFactor": 1, "mobile": screen == "phone"}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(path.as_uri())
        opened.append(path)
        return Page(browser, path)

    yield show
    folder = os.environ.get("VMM_SCREENSHOTS")
    if folder and opened:
        os.makedirs(folder, exist_ok=True)
        whole = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})["data"]
        (Path(folder) / f"{request.node.name}.png").write_bytes(base64.b64decode(whole))
