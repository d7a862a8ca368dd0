"""Gather the works that the notebooks cite, from the lists of references at their ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

WORK = re.compile(
    r"(?P<authors>[^*;\[\]]*)\*(?P<title>[^*\[\]]+)\*(?P<rest>[^\[;]*)(?:\[(?P<label>[^\]]+)\]\((?P<url>[^)]+)\))?"
)
"""Authors, a title in italics, what is between, and a link, in any of the forms that the notebooks use."""

CITATION = (
    r"(?P<author>[A-Z][\w’'-]+)(?P<others> et al\.| and others|(?:, [A-Z][\w’'-]+)*,? and [A-Z][\w’'-]+)?,? "
    r"(?P<bracket>\()?(?P<year>\d{4})(?P<letter>[ab]?)(?(bracket)\)?)"
)
"""Names and a year, such as "He et al. (2015)", "Yu and Koltun 2016", or "Veit, Wilber, and Belongie (2016)"."""

ARXIV, DOI = "https://arxiv.org/abs/", "https://doi.org/"
NO_NAMES = {"et", "al", "and", "others"}


@dataclass
class Work:
    """A work that the notebooks cite."""

    authors: str
    title: str
    year: str
    url: str
    where: str
    cited_in: list[str] = field(default_factory=list)

    @property
    def surnames(self) -> list[str]:
        """The names of its authors, without initials."""
        return [name for name in re.findall(r"[^\W\d_][\w’'-]+", self.authors) if name not in NO_NAMES]

    @property
    def anchor(self) -> str:
        """The name of its place on the page of references."""
        return re.sub(r"\W+", "-", f"{self.surnames[0]} {self.year} {self.title}".lower())[:60].strip("-")

    def entry(self) -> str:
        """Return it as an item of the list; a preprint has the DOI that arXiv registers for it."""
        url = self.url.replace(ARXIV, f"{DOI}10.48550/arXiv.")
        label = f"doi {url.removeprefix(DOI)}" if url.startswith(DOI) else re.sub(r"^https?://|/$", "", url)
        parts = [
            f"[{self.authors}]{{#{self.anchor}}}{f' ({self.year})' if self.year else ''}:",
            f"*{self.title}*" if self.title[-1] in "?!" else f"*{self.title}*.",
            *([self.where] if self.where else []),
            *([f"[{label}]({url})."] if url else []),
            f"Cited in {', '.join(f'[{PurePath(name).name[:2]}]({name})' for name in self.cited_in)}.",
        ]
        return f"- {' '.join(parts)}"


class References:
    """All works that the notebooks cite, each once; those of each notebook in its order."""

    def __init__(self, lists: Mapping[str, str]) -> None:
        self.of: dict[str, list[Work]] = {}
        self._works: dict[str, Work] = {}
        for name, text in lists.items():
            self.of[name] = []
            for item in re.split(r"^- ", text, flags=re.M)[1:]:
                for match in WORK.finditer(" ".join(item.split())):
                    self._add(name, match)

    def _add(self, name: str, match: re.Match[str]) -> None:
        """Note that a notebook cites a work, and keep the fullest form of it."""
        authors = re.sub(r",? \d{4}[ab]?$", "", match["authors"].strip(" :,")).replace("and others", "et al.")
        if not authors[:1].isupper():
            return  # an emphasized word of a remark
        year = re.search(r"\b((?:19|20)\d\d)[ab]?\b", match["authors"] + match["rest"])
        url = match["url"] or ""
        where = "" if url else re.sub(r",? *\b\d{4}\b", "", match["rest"]).strip(" .,")
        work = Work(authors, match["title"], year[1] if year else "", url, f"{where}." if where[:1].isupper() else "")
        known = self._works.setdefault(self._key(work), work)
        known.authors, known.title = max(known.authors, authors, key=len), max(known.title, work.title, key=len)
        known.year = known.year or work.year
        known.cited_in += [name] if name not in known.cited_in else []
        self.of[name] += [known] if known not in self.of[name] else []

    def _key(self, work: Work) -> str:
        """Return what tells works apart: a lasting address, or else the title."""
        if work.url.startswith((ARXIV, DOI)):
            return work.url
        same = (key for key, known in self._works.items() if known.title.lower() == work.title.lower())
        return next(same, work.title.lower())

    def page(self) -> str:
        """Return the page of references, in Markdown."""
        works = sorted(self._works.values(), key=lambda work: (work.surnames, work.year, work.title))
        return "\n".join(
            [
                "# References\n",
                "What the notebooks cite, each with its DOI where it has one. A citation in the text of a notebook",
                "leads here; the list at its end says what it takes from each.\n",
                *(work.entry() for work in works),
                "",
            ]
        )


def cited(match: re.Match[str], works: list[Work], after: str) -> Work | None:
    """Return the work that a citation means, if there is one.

    Among several works of the year a title that follows decides, then whether the author is its first, and its only
    one, then a letter; without any of them it is the first in the list.
    """

    def strangeness(work: Work) -> tuple[bool, bool]:
        is_alone = len(work.surnames) == 1 and "et al." not in work.authors
        return work.surnames[0] != match["author"], is_alone != (match["others"] is None)

    found = [work for work in works if match["author"] in work.surnames and work.year == match["year"]]
    found = [work for work in found if strangeness(work) == min(map(strangeness, found))]
    title = re.match(r", \*([^*]+)\*", after)
    named = [work for work in found if title and work.title.lower().startswith(title[1].lower())]
    return next(iter(named or found["ab".index(match["letter"]) if match["letter"] else 0 :]), None)
