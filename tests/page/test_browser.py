"""The report page in a real browser: what a person sees, at a desk, on a phone, in the dark, and that nothing runs."""

import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from jobs.report.page import page
from tests.fast.report.samples import DEVICES, FACTS, HOSTILE, anomaly, history

pytestmark = pytest.mark.browser

HOSTILE_SEEN = "<script>document.title='owned'</script>\"'&␊␀\\u202egpj.exe"
# Chromium itself talks to its maker unless told not to; nothing of that belongs in a test.
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Debian's Chromium with its own profile."""
    selenium = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("Chromium or its driver is missing: `make test-browser` gets both")
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    opened = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    yield opened
    opened.quit()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A served folder; through HTTP, so that a request for an icon or a style would be seen."""
    folder = tmp_path_factory.mktemp("site")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def put(site, html):
    """Serve a page under a name of its own, since a browser keeps what it has seen under another; gives the address."""
    folder, address = site
    name = f"{len(list(folder.iterdir()))}.html"
    (folder / name).write_text(html, encoding="utf-8")
    return f"{address}/{name}"


def written(*anomalies):
    histories = {(row["tenant_id"], row["product"], row["device_id"]): history(b_0=9_000) for row in anomalies}
    return page(anomalies, histories, DEVICES, FACTS)


@pytest.fixture
def shown(browser, site):
    """Shows a page of anomalies in a window of some width; gives the browser, logs emptied before."""

    def show(*anomalies, width=1280, scheme="light"):
        window = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", window)
        colours = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": colours})
        for log in ("browser", "performance"):
            browser.get_log(log)
        browser.get(put(site, written(*anomalies)))
        return browser

    return show


def texts(browser, selector):
    return [found.text for found in browser.find_elements("css selector", selector)]


def test_anomalies_are_seen_newest_first_with_what_to_restore(shown):
    seen = shown(anomaly(5, device_id="b"), anomaly(0), anomaly(9, device_id="c"))
    assert texts(seen, "article h3") == ["photo-archive", "b", "c"]
    assert texts(seen, ".overview tbody a") == ["photo-archive", "b", "c"]
    assert texts(seen, "article dd:first-of-type code") == ["b-1", "b-6", "b-10"]


def test_a_link_leads_to_its_card(shown):
    seen = shown(*(anomaly(days) for days in range(6)))
    seen.find_elements("css selector", ".overview tbody a")[4].click()
    top = seen.execute_script("return document.querySelector(':target').getBoundingClientRect().top")
    assert 0 <= top < 844


def test_the_page_asks_for_nothing_else_and_logs_nothing(shown):
    seen = shown(anomaly(), anomaly(1, device_id=HOSTILE))
    requests = [
        entry["message"] for entry in seen.get_log("performance") if '"Network.requestWillBeSent"' in entry["message"]
    ]
    assert len([message for message in requests if '"url":"data:,"' not in message]) == 1
    assert seen.get_log("browser") == []


@pytest.mark.parametrize("column", ["tenant_id", "product", "device_id", "backup_id", "reason", "last_good_backup_id"])
def test_a_hostile_name_is_shown_as_text_and_runs_nothing(shown, column):
    seen = shown(anomaly(**{column: HOSTILE}))
    assert seen.title == "Unusual backups: s3://backups/lake"
    assert seen.find_elements("css selector", "script") == []
    assert HOSTILE_SEEN in seen.find_element("css selector", "article").text
    assert seen.get_log("browser") == []


def test_the_policy_stops_a_script_even_if_one_got_in(shown, site):
    seen = shown(anomaly())
    seen.get(put(site, written(anomaly()).replace("<main>", "<main><script>document.title='owned'</script>")))
    assert seen.find_elements("css selector", "main script")
    assert seen.title == "Unusual backups: s3://backups/lake"
    assert "Content Security Policy" in seen.get_log("browser")[0]["message"]


@pytest.mark.parametrize("width", [390, 1280])
def test_the_marked_point_and_every_bar_lie_inside_the_chart(shown, width):
    seen = shown(anomaly(), width=width)
    chart, dot, band = seen.execute_script(
        "return ['svg', 'svg .dot.marked', 'svg rect.usual'].map(which => {"
        "  const box = document.querySelector(which).getBoundingClientRect();"
        "  return [box.left, box.right, box.top, box.bottom].map(Math.round)})"
    )
    assert chart[1] - chart[0] > 200
    for left, right, top, bottom in (dot, band):
        assert chart[0] <= left <= right <= chart[1]
        assert chart[2] <= top <= bottom <= chart[3]
    assert dot[2] < band[2]


NAMES = ["photo-archive", "x" * 300, HOSTILE, "写真アーカイブ" * 20]


@pytest.mark.parametrize("name", NAMES, ids=["short", "long", "hostile", "wide"])
@pytest.mark.parametrize("width", [320, 390, 760, 1280])
def test_the_page_never_scrolls_sideways(shown, width, name):
    row = anomaly(device_id=name, product=name, backup_id=name, last_good_backup_id=name, reason=name)
    seen = shown(row, anomaly(1, tenant_id=name), width=width)
    assert seen.execute_script("return document.documentElement.scrollWidth") <= width


def test_on_a_phone_text_is_large_enough_to_read(shown):
    seen = shown(anomaly(), width=390)
    smallest = seen.execute_script(
        "return Math.min(...[...document.querySelectorAll('body *')].filter(of => of.innerText && of.innerText.trim())"
        ".map(of => parseFloat(getComputedStyle(of).fontSize)))"
    )
    assert smallest >= 11


CONTRAST = """
const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
  .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, at) => sum + v * [.2126, .7152, .0722][at], 0);
const rgba = of => of.match(/[\\d.]+/g).map(Number);
const behind = of => {
  for (; of; of = of.parentElement) {
    const found = rgba(getComputedStyle(of).backgroundColor);
    if (found.length === 3 || found[3] === 1) return found;
  }
  return [255, 255, 255];
};
return [...document.querySelectorAll('body *')]
  .filter(of => [...of.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()))
  .filter(of => of.closest('svg') === null)
  .map(of => {
    const [one, other] = [luminance(rgba(getComputedStyle(of).color)), luminance(behind(of))];
    return [of.tagName + '.' + of.className + ' ' + of.textContent.slice(0, 30),
            (Math.max(one, other) + .05) / (Math.min(one, other) + .05)];
  })
  .filter(([_, contrast]) => contrast < 4.5)
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_its_ground(shown, scheme):
    rows = [anomaly(), anomaly(1, status="resolved"), anomaly(2, last_good_backup_id=None)]
    assert shown(*rows, scheme=scheme).execute_script(CONTRAST) == []


def test_light_and_dark_differ(shown):
    grounds = [
        shown(anomaly(), scheme=scheme).execute_script("return getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]
    assert grounds[0] != grounds[1]


def test_nothing_unusual_is_seen_at_once(shown):
    seen = shown(width=390)
    assert "No unusual backup" in texts(seen, "h2")
    assert seen.find_elements("css selector", "article") == []
