# SPDX-License-Identifier: MIT
"""A real Chromium without a window, driven by its DevTools protocol over a pair of pipes: it opens a file, is clicked
on and typed into as by a user, and answers what its page has become."""

import base64
import contextlib
import json
import os
import selectors
import shutil
import subprocess
import tempfile
import time

from partners import missing
from sigmad import PATIENCE

COMMAND = [
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-sync",
]
ANSWER_S = 50 * PATIENCE

# (key, code, Windows' virtual key code, text) of what press() is told by name.
KEYS = {
    "Enter": ("Enter", "Enter", 13, "\r"),
    "Escape": ("Escape", "Escape", 27, ""),
    "Tab": ("Tab", "Tab", 9, ""),
    "ArrowUp": ("ArrowUp", "ArrowUp", 38, ""),
    "ArrowDown": ("ArrowDown", "ArrowDown", 40, ""),
    "ArrowLeft": ("ArrowLeft", "ArrowLeft", 37, ""),
    "ArrowRight": ("ArrowRight", "ArrowRight", 39, ""),
    "/": ("/", "Slash", 191, "/"),
}


def render(page, folder):
    """The document that Chromium makes of a file, as HTML, and what it had to say on its console."""
    command = [*COMMAND, f"--user-data-dir={folder}", "--enable-logging=stderr", "--dump-dom", page.as_uri()]
    if not shutil.which("chromium"):
        missing("chromium")
    done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


class Page:
    """The one page of a browser; made by start_browser()."""

    def __init__(self, commands, answers):
        self.commands, self.answers = commands, answers
        self.received = b""
        self.last = 0
        self.session = None
        self.events = []

    def message(self, deadline):
        with selectors.DefaultSelector() as ready:
            ready.register(self.answers, selectors.EVENT_READ)
            while b"\0" not in self.received:
                assert ready.select(deadline - time.monotonic()), "chromium does not answer"
                some = os.read(self.answers, 1 << 16)
                assert some, "chromium has gone"
                self.received += some
        text, self.received = self.received.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **parameters):
        self.last += 1
        command = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.commands, json.dumps(command).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_S
        while True:
            message = self.message(deadline)
            if message.get("id") == self.last:
                assert "error" not in message, message
                return message["result"]
            self.events.append(message)

    def wait_for(self, event):
        deadline = time.monotonic() + ANSWER_S
        while not any(message["method"] == event for message in self.events):
            self.events.append(self.message(deadline))

    def attach(self):
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def open(self, path):
        """Shows a file, in the default size and scheme."""
        self.call("Emulation.clearDeviceMetricsOverride")
        self.call("Emulation.setEmulatedMedia", features=[])
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        self.wait_for("Page.loadEventFired")

    def value(self, expression):
        """What an expression of JavaScript is in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def complaints(self):
        """What the page threw, logged or was refused."""
        bad = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [message for message in self.events if message["method"] in bad]

    def requests(self):
        """The addresses of all that the page asked for."""
        return [message["params"]["request"]["url"] for message in self.events
                if message["method"] == "Network.requestWillBeSent"]

    def set_scheme(self, scheme):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def resize(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def click(self, x, y):
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            button = "none" if kind == "mouseMoved" else "left"
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=int(button == "left"))

    def press(self, name):
        key, code, number, text = KEYS[name]
        named = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **named)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def picture(self):
        """PNG of what is to be seen."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])


@contextlib.contextmanager
def start_browser():
    """The page of a browser that runs for as long as the block lasts."""
    if not shutil.which("chromium"):
        missing("chromium")
    command_end, commands = os.pipe()
    answers, answer_end = os.pipe()
    # The browser reads descriptor 3 and writes 4; the shell puts them there whatever ours are.
    script = f'exec "$@" 3<&{command_end} 4>&{answer_end}'
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        browser = None
        try:
            browser = subprocess.Popen(
                ["bash", "-c", script, "bash", *COMMAND, f"--user-data-dir={folder}", "--remote-debugging-pipe",
                 "about:blank"],
                pass_fds=(command_end, answer_end), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            page = Page(commands, answers)
            page.attach()
            yield page
        finally:
            for end in (command_end, answer_end, commands, answers):
                os.close(end)
            if browser:
                browser.kill()
                browser.wait()
