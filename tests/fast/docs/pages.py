"""The project's Markdown pages, taken apart: code, links, headings."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted(
    page
    for page in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part == "node_modules" for part in page.relative_to(ROOT).parts)
)
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(name):
    return (ROOT / name).read_text("utf-8")


def blocks(name, language):
    """Fenced blocks of one language."""
    return [body for found, body in FENCED.findall(text_of(name)) if found == language]


def commands(name):
    """What the page tells to type: lines of shell and cron blocks, indented lines, and `inline` code."""
    page = text_of(name)
    prose = FENCED.sub("", page)
    typed = [body for language, body in FENCED.findall(page) if language in ("sh", "cron")]
    lines = [line for body in typed for line in body.splitlines()]
    lines += re.findall(r"^    (\S.*)$", prose, re.MULTILINE)
    return [line.partition(" #")[0] for line in lines] + re.findall(r"`([^`\n]+)`", prose)


def anchors(page):
    """What a link may name behind #: each heading in lower case, without punctuation, with dashes for spaces."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
