// SPDX-License-Identifier: MIT
//
// What a flame graph does in a browser: it fits the window, a click zooms on a call, a field finds calls by name. The
// picture that flame.c draws stands without it. It asks nothing of a network, and what others named goes into text
// and attributes only, never through a parser of markup.
(function () {
    "use strict";

    const XHTML = "http://www.w3.org/1999/xhtml";
    const MARGIN = 10; // the lengths are those of flame.c
    const NARROWEST = 0.4;
    const TEXT_MIN = 28;
    const BASELINE = 14; // of a name, below the top of its row
    const NOTE_BASELINE = 50;
    const WIDTH_MIN = 720; // of the picture; more where the title needs it
    const FIELD_WIDTH = 240;

    const svg = document.documentElement;
    const note = document.getElementById("note");
    const summary = note.textContent;
    const narrow = document.getElementById("narrow");
    const calls = readCalls();
    const callOf = new Map(calls.map((call) => [call.element, call]));
    const letter = letterWidth();
    const widthMin = Math.max(WIDTH_MIN, titleWidth() + FIELD_WIDTH + 3 * MARGIN);
    const field = document.createElementNS(XHTML, "input");
    const place = create("foreignObject", { y: 6, width: FIELD_WIDTH, height: 30 });
    const result = create("text", { class: "note", y: NOTE_BASELINE, "text-anchor": "end", role: "status" });
    let zoomed = calls[0];
    let current = calls[0]; // the one that Tab comes to
    let width = 0;

    function create(name, attributes) {
        const element = document.createElementNS(svg.namespaceURI, name);
        for (const [key, value] of Object.entries(attributes)) {
            element.setAttribute(key, value);
        }
        return element;
    }

    // The calls as the file has them, callers before what they call: those below a call are the ones from the next
    // up to its `end`. `start` is the weight to the left of it.
    function readCalls() {
        const path = [];
        const read = Array.from(document.querySelectorAll(".call"), (element, index) => {
            const label = element.querySelector("title").textContent;
            const depth = Number(element.dataset.depth);
            const caller = depth > 0 ? path[depth - 1] : null;
            const call = {
                element, label, depth, caller, index, end: index + 1,
                name: label.slice(0, label.lastIndexOf(" (")), // figures follow
                weight: Number(element.dataset.weight),
                start: caller ? caller.taken : 0,
                rect: element.querySelector("rect"),
                text: element.querySelector("text"),
                shown: false,
            };
            call.taken = call.start;
            if (caller) {
                caller.taken += call.weight;
            }
            path[depth] = call;
            return call;
        });
        for (const call of read.slice(1).reverse()) {
            call.caller.end = Math.max(call.caller.end, call.end);
        }
        return read;
    }

    function letterWidth() {
        const probe = create("text", { visibility: "hidden" });
        probe.textContent = "m".repeat(20);
        svg.append(probe);
        const measured = probe.getComputedTextLength() / 20;
        probe.remove();
        return measured || 7.3;
    }

    function titleWidth() {
        return document.querySelector(".title").getComputedTextLength();
    }

    function cut(text, room) {
        const letters = Array.from(text);
        return letters.length <= room ? text : letters.slice(0, Math.max(0, Math.floor(room) - 2)).join("") + "..";
    }

    // Layout.

    function isAbove(call, other) {
        return call.index < other.index && other.index < call.end;
    }

    function label(call, x, wide) {
        if (wide >= TEXT_MIN && !call.text) {
            call.text = create("text", { y: Number(call.rect.getAttribute("y")) + BASELINE });
            call.element.append(call.text);
        }
        if (call.text) {
            call.text.setAttribute("x", x + 3);
            call.text.textContent = wide >= TEXT_MIN ? cut(call.name, (wide - 6) / letter) : "";
        }
    }

    function put(call, x, wide) {
        call.rect.setAttribute("x", x);
        call.rect.setAttribute("width", wide > 1 ? wide - 0.5 : wide);
        label(call, x, wide);
    }

    // Returns whether there was no room for it.
    function lay(call, scale) {
        const above = isAbove(call, zoomed);
        const inside = call === zoomed || isAbove(zoomed, call);
        const wide = above || call === zoomed ? width - 2 * MARGIN : call.weight * scale;
        const tooNarrow = inside && wide < NARROWEST;
        call.shown = (above || inside) && !tooNarrow;
        call.element.classList.toggle("above", above);
        call.element.classList.toggle("aside", !above && !inside);
        call.element.classList.toggle("narrow", tooNarrow);
        if (call.shown) {
            put(call, above ? MARGIN : MARGIN + (call.start - zoomed.start) * scale, wide);
        }
        return tooNarrow;
    }

    function layOut() {
        const scale = zoomed.weight > 0 ? (width - 2 * MARGIN) / zoomed.weight : 0;
        const left = calls.filter((call) => lay(call, scale)).length;
        const words = left === 1 ? "1 call is" : `${left} calls are`;
        narrow.textContent = left > 0 ? `${words} too narrow to draw here` : "";
    }

    function fitWindow() {
        const wide = Math.max(widthMin, svg.clientWidth || svg.getBoundingClientRect().width);
        if (wide !== width) {
            width = wide;
            place.setAttribute("x", width - MARGIN - FIELD_WIDTH);
            result.setAttribute("x", width - MARGIN);
            layOut();
        }
    }

    // Zoom, and the way by keys.

    function point(call) {
        current.element.setAttribute("tabindex", "-1");
        current = call;
        current.element.setAttribute("tabindex", "0");
    }

    function zoom(call) {
        zoomed = call;
        layOut();
        point(call);
        call.element.focus();
    }

    function beside(call, step) {
        const row = calls.filter((other) => other.shown && other.depth === call.depth);
        return row[row.indexOf(call) + step];
    }

    const ways = {
        ArrowUp: (call) => call.caller,
        ArrowDown: (call) => calls.slice(call.index + 1, call.end).find((below) => below.shown),
        ArrowLeft: (call) => beside(call, -1),
        ArrowRight: (call) => beside(call, 1),
        Home: () => calls[0],
    };

    function tell(call) {
        const room = (width - 2 * MARGIN - result.getComputedTextLength() - 20) / letter;
        note.textContent = call ? cut(call.label, room) : summary;
    }

    function callAt(event) {
        return event.target instanceof Element ? callOf.get(event.target.closest(".call")) : undefined;
    }

    // Search.

    function search() {
        const wanted = field.value.trim().toLowerCase();
        let weight = 0, count = 0, counted = 0;
        for (const call of calls.slice(1)) {
            const found = wanted !== "" && call.name.toLowerCase().includes(wanted);
            call.element.classList.toggle("found", found);
            count += found;
            // What is found below one that was found is in its weight.
            if (found && call.index >= counted) {
                weight += call.weight;
                counted = call.end;
            }
        }
        const share = calls[0].weight > 0 ? (100 * weight) / calls[0].weight : 0;
        const figures = `${share.toFixed(1)} % of all, ${count} ${count === 1 ? "call" : "calls"}`;
        result.textContent = wanted === "" ? "" : `found ${count > 0 ? figures : "nothing"}`;
    }

    function clearSearch() {
        field.value = "";
        search();
    }

    function focusFound() {
        const found = calls.find((call) => call.shown && call.element.classList.contains("found"));
        if (found) {
            point(found);
            found.element.focus();
        }
    }

    function onFieldKey(key) {
        if (key === "Escape") {
            clearSearch();
            current.element.focus();
        } else if (key === "Enter") {
            focusFound();
        }
        return key === "Escape" || key === "Enter";
    }

    function onPageKey(key, call) {
        if (key === "/") {
            field.focus();
            field.select();
        } else if (key === "Escape") {
            if (zoomed === calls[0]) {
                clearSearch();
            }
            zoom(calls[0]);
        } else if (call && (key === "Enter" || key === " ")) {
            zoom(call);
        } else if (call && ways[key]) {
            point(ways[key](call) || call);
            current.element.focus();
        } else {
            return false;
        }
        return true;
    }

    function onKey(event) {
        if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) {
            return;
        }
        if (event.target === field ? onFieldKey(event.key) : onPageKey(event.key, callAt(event))) {
            event.preventDefault();
        }
    }

    // Begin.

    function nameParts() {
        const tree = document.getElementById("calls");
        svg.removeAttribute("role");
        tree.setAttribute("role", "tree");
        tree.setAttribute("aria-label", "Calls");
        for (const call of calls) {
            call.element.setAttribute("role", "treeitem");
            call.element.setAttribute("aria-level", call.depth + 1);
            call.element.setAttribute("aria-label", call.label);
            call.element.setAttribute("tabindex", "-1");
        }
    }

    function addField() {
        field.setAttribute("type", "search");
        field.setAttribute("placeholder", "Search  /");
        field.setAttribute("aria-label", "Search calls by name");
        field.setAttribute("spellcheck", "false");
        place.append(field);
        note.after(place, result);
    }

    nameParts();
    addField();
    svg.removeAttribute("viewBox");
    svg.setAttribute("width", "100%");
    svg.style.minWidth = `${widthMin}px`;
    svg.classList.add("live");
    point(current);
    fitWindow();
    window.addEventListener("resize", fitWindow);
    field.addEventListener("input", search);
    // Of the document: an <svg> that listens to focus is one more stop of the Tab key.
    document.addEventListener("keydown", onKey);
    document.addEventListener("click", (event) => callAt(event) && zoom(callAt(event)));
    document.addEventListener("mouseover", (event) => tell(callAt(event)));
    document.addEventListener("focusin", (event) => tell(callAt(event)));
    document.addEventListener("focusout", () => tell(null));
})();
