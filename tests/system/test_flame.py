# SPDX-License-Identifier: MIT
# ctest: TIMEOUT 300
"""The flame graph of sigmactl profile in Chromium: zoomed and searched by mouse and keyboard, in light and dark, and
whatever the names."""

import http.server
import struct
import threading
import urllib.parse

import pytest
from browser import start_browser
from sigmad import SANITIZED, eventually, sigmactl

NAMES = {0x10: b"main", 0x20: b"parse", 0x30: b"parse_tags", 0x40: b"store", 0x50: b"flush", 0x60: b"rare"}
# (samples, the calls from the outermost to the innermost)
STACKS = [
    (300, (0x10, 0x20)),
    (100, (0x10, 0x20, 0x30)),
    (550, (0x10, 0x40)),
    (49, (0x50, 0x20)),
    (1, (0x50, 0x60)),
]

# Where the calls are, in the order of the file: [[title, weight, x, width, middle, classes], ...].
PLACES = """[...document.querySelectorAll(".call")].map((call) => {
    const box = call.querySelector("rect").getBoundingClientRect();
    return [call.querySelector("title").textContent, Number(call.dataset.weight), box.x, box.width,
            box.y + box.height / 2, [...call.classList]];
})"""


class Call:
    def __init__(self, row):
        self.title, self.weight, self.x, self.width, self.y, self.classes = row
        self.name = self.title.rsplit(" (", 1)[0]
        self.shown = self.width > 0


def calls(page):
    return [Call(row) for row in page.value(PLACES)]


def shown(page):
    return [call.name for call in calls(page) if call.shown]


def find(page, name):
    return next(call for call in calls(page) if call.name == name)


def click(page, name):
    call = find(page, name)
    page.click(call.x + call.width / 2, call.y)


def focused(page):
    title = page.value("document.activeElement.querySelector('title').textContent")
    return title.rsplit(" (", 1)[0]


def found(page):
    return page.value("document.querySelector('[role=status]').textContent")


def cpu_profile(stacks):
    """The bytes of a CPU profile of gperftools; return addresses are one behind their calls."""
    words = [0, 3, 0, 1000, 0]
    for weight, frames in stacks:
        inner, *callers = reversed(frames)
        words += [weight, len(frames), inner, *(caller + 1 for caller in callers)]
    words += [0, 1, 0]
    return struct.pack(f"={len(words)}Q", *words)


@pytest.fixture(name="page", scope="module")
def fixture_page():
    with start_browser() as page:
        yield page


@pytest.fixture(name="draw")
def fixture_draw(tmp_path):
    """draw(stacks, names): the file that sigmactl makes of a profile which a server of these names answers with."""
    running = []

    def draw(stacks, names):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path = urllib.parse.urlsplit(self.path)
                body = cpu_profile(stacks)
                if path.path.endswith("/symbol"):
                    asked = [int(word, 16) for word in path.query.split("+")]
                    body = b"".join(f"{word:#x}\t".encode() + names[word] + b"\n" for word in asked)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever).start()
        running.append(server)
        picture = tmp_path / "profile.svg"
        sigmactl("profile", "--server", f"127.0.0.1:{server.server_port}", "--seconds", 1, "-o", picture)
        return picture

    yield draw
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture(name="picture")
def fixture_picture(draw):
    return draw(STACKS, NAMES)


@pytest.mark.skipif(bool(SANITIZED), reason="profilers and sanitizers want the same hooks")
def test_a_click_zooms_on_a_call_of_a_real_profile_and_one_on_the_first_returns(page, start_server, tmp_path):
    # That of the heap, in which there is much whatever the load.
    server = start_server({"profiling": {"enabled": "true", "heap": "true"}})
    picture = tmp_path / "heap.svg"
    sigmactl("profile", "--server", "{}:{}".format(*server.http), "--heap", "-o", picture)
    page.open(picture)
    before = calls(page)
    full = before[0].width
    # The heaviest of those that others stand beside and that call something.
    at = max((at for at, call in enumerate(before[:-1])
              if call.weight < 0.98 * before[0].weight and before[at + 1].y > call.y),
             key=lambda at: before[at].weight)
    page.click(before[at].x + before[at].width / 2, before[at].y)
    after = calls(page)
    assert after[at].width == pytest.approx(full, abs=1)
    assert after[at + 1].width == pytest.approx(full * after[at + 1].weight / after[at].weight, abs=1)
    callers = [call for call in after if "above" in call.classes]
    assert len(callers) == round((after[at].y - after[0].y) / 20)
    assert all(call.width == pytest.approx(full, abs=1) and call.y < after[at].y for call in callers)
    assert [call.name for call in after if call.shown and "above" not in call.classes][0] == before[at].name
    assert sum(call.shown for call in after) < sum(call.shown for call in before)
    page.click(after[0].x + 5, after[0].y)
    assert [(call.x, call.width) for call in calls(page)] == [(call.x, call.width) for call in before]
    assert page.requests() == [picture.as_uri()]
    assert page.complaints() == []


def test_the_zoom_shows_callers_dimmed_and_what_was_too_narrow(page, draw):
    stacks = [(999990, (0x10, 0x40)), (9, (0x50, 0x20)), (1, (0x50, 0x60))]
    page.open(draw(stacks, NAMES))
    note = "document.getElementById('narrow').textContent"
    assert shown(page) == ["all", "main", "store"]
    assert page.value(note) == "3 calls are too narrow to draw here"

    page.open(draw(STACKS, NAMES))
    click(page, "flush")
    assert shown(page) == ["all", "flush", "parse", "rare"]
    assert page.value(note) == ""
    assert ["above" in find(page, name).classes for name in ("all", "flush")] == [True, False]
    opacity = "getComputedStyle(document.querySelector('.{} rect')).fillOpacity"
    assert float(page.value(opacity.format("above"))) < 0.5
    full, rare = find(page, "all").width, find(page, "rare")
    assert rare.width == pytest.approx(full / 50, abs=1)
    click(page, "all")
    assert len(shown(page)) == len(STACKS) + 3


def test_search_marks_calls_and_says_their_share(page, picture):
    page.open(picture)
    page.press("/")
    page.type("PARSE")
    # parse_tags is below a parse, which has its weight already.
    assert found(page) == "found 44.9 % of all, 3 calls"
    assert {call.name for call in calls(page) if "found" in call.classes} == {"parse", "parse_tags"}
    page.press("Enter")
    assert focused(page) == "parse"
    page.press("/")
    page.type("nothing of that name")
    assert found(page) == "found nothing"
    page.press("Escape")
    assert found(page) == ""
    assert not any("found" in call.classes for call in calls(page))
    assert page.complaints() == []


def test_keys_go_through_the_calls_and_zoom(page, picture):
    page.open(picture)
    page.press("Tab")
    assert page.value("document.activeElement.localName") == "input"
    page.press("Tab")
    assert focused(page) == "all"
    for key, name in (("Down", "flush"), ("Right", "main"), ("Left", "flush"), ("Left", "flush"),
                      ("Down", "parse"), ("Right", "rare"), ("Up", "flush")):
        page.press(f"Arrow{key}")
        assert focused(page) == name, key
    assert page.value("document.getElementById('note').textContent") == "flush (50 samples, 0.05 s, 5.0 %)"
    page.press("Enter")
    assert shown(page) == ["all", "flush", "parse", "rare"]
    assert focused(page) == "flush"
    page.press("Escape")
    assert len(shown(page)) == 8
    assert focused(page) == "all"
    assert page.complaints() == []


HOSTILE = [
    b"</title></g><script>document.title='owned'</script>",
    b"]]></style></script><script>document.title='owned'</script>",
    b"\"' onload='document.title=1' x=\"<image href=x onerror=document.title=1>",
    b"&lt;b&gt;&#0;&nosuch;<!-- <![CDATA[ ${1+1}",
    b"\xff\x01\xef\xbf\xbe\xef\xbf\xbf\xed\xa0\x80 end",
]


def test_hostile_names_are_text(page, draw):
    words = range(0x10, 0x10 + 0x10 * len(HOSTILE), 0x10)
    picture = draw([(10, (word,)) for word in words], dict(zip(words, HOSTILE)))
    page.open(picture)
    title = page.value("document.title")
    assert title.startswith("sigmad at 127.0.0.1 ")
    names = {call.name for call in calls(page)[1:]}
    assert {name.decode() for name in HOSTILE[:4]} <= names
    assert any(name.endswith("\ufffd end") for name in names)
    for part in ("<script>", "</title>", "onload="):
        page.press("/")
        page.type(part)
        page.press("Enter")
        page.press("Enter")
        assert part in focused(page)
        page.press("Escape")
    assert page.value("document.querySelectorAll('script').length") == 1
    assert page.value("document.querySelectorAll('image, b, [onload]').length") == 0
    assert page.value("document.title") == title
    assert page.requests() == [picture.as_uri()]
    assert page.complaints() == []


# Of each name its contrast with the ground it stands on, as WCAG 2.1 defines it.
CONTRASTS = """(() => {
    const light = (colour) => {
        const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
            .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    };
    const fill = (element) => light(getComputedStyle(element).fill);
    const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const paper = fill(document.querySelector(".paper"));
    const notes = [...document.querySelectorAll(".title, .note")].map((note) => contrast(fill(note), paper));
    const names = [...document.querySelectorAll(".call")].filter((call) => call.querySelector("text"))
        .map((call) => contrast(fill(call.querySelector("rect")), fill(call.querySelector("text"))));
    return [...notes, ...names];
})()"""


def test_names_are_legible_in_light_and_dark(page, draw):
    words = range(0x10, 0x10 + 0x10 * 60, 0x10)
    picture = draw([(10, (word,)) for word in words], {word: f"f{word}".encode() for word in words})
    page.open(picture)
    page.resize(4000, 600)
    eventually(lambda: len(page.value(CONTRASTS)) > 60, message="there was no room for the names")
    grounds = []
    for scheme in ("light", "dark"):
        page.set_scheme(scheme)
        assert min(page.value(CONTRASTS)) >= 4.5, scheme
        page.press("/")
        page.type("f1")
        assert "found 0" not in found(page)
        assert min(page.value(CONTRASTS)) >= 4.5, f"{scheme}, found"
        page.press("Escape")
        grounds.append(page.value("getComputedStyle(document.querySelector('.paper')).fill"))
    assert page.value("new Set([...document.querySelectorAll('.call rect')].map(r => r.classList[0])).size") == 12
    assert grounds[0] != grounds[1]
