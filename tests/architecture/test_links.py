"""What the pages point at is there."""

import re
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.architecture.sources import ROOT, told

FENCE: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
PLACE: Final = re.compile(r"`((?:src|app|tests|docs|requirements)/[\w./-]*)`")
OURS: Final = ("*.md", "docs/**/*.md", ".github/**/*.md")


def pages() -> list[Path]:
    """Return every page of the repository, sorted."""
    return sorted(path for pattern in OURS for path in ROOT.glob(pattern))


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as code hosts make them, and those that stand in it as such."""
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(page)))
    return {words.strip().replace(" ", "-") for words in kept} | set(re.findall(r'<a id="([^"]+)">', prose(page)))


def broken(page: Path) -> Iterator[str]:
    """Yield what a page's relative links fail to find."""
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists():
            yield f"{told(page)}: {link}: no such file"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            yield f"{told(page)}: {link}: no such heading"


class ThePages(unittest.TestCase):
    """A reader who follows a link arrives."""

    def test_every_relative_link_leads_somewhere(self) -> None:
        """Each links to a file or folder that exists, and to a heading that stands in it."""
        self.assertEqual([fault for page in pages() for fault in broken(page)], [])

    def test_every_place_named_in_the_repository_exists(self) -> None:
        """A path in backquotes that begins with one of our folders is there."""
        named = [(told(page), place) for page in pages() for place in PLACE.findall(prose(page))]
        self.assertEqual([(page, place) for page, place in named if not (ROOT / place).exists()], [])

    def test_every_page_of_the_documentation_can_be_reached_from_the_map(self) -> None:
        """Following links from docs/index.md leads to every page below docs/."""
        start = (ROOT / "docs/index.md").resolve()
        reached, waiting = {start}, [start]
        while waiting:
            page = waiting.pop()
            for link in LINK.findall(prose(page)):
                target = (page.parent / link.partition("#")[0]).resolve()
                if target.suffix == ".md" and target.exists() and target not in reached:
                    reached.add(target)
                    waiting.append(target)
        below = {page.resolve() for page in pages() if page.is_relative_to(ROOT / "docs")}
        self.assertEqual(sorted(map(told, below - reached)), [])

    def test_every_picture_of_the_documentation_is_shown_by_a_page(self) -> None:
        """One that no page leads to would be taken anew for ever, and seen by nobody."""
        shown = {(page.parent / link).resolve() for page in pages() for link in LINK.findall(prose(page))}
        self.assertEqual([told(one) for one in sorted(ROOT.glob("docs/**/*.png")) if one.resolve() not in shown], [])
