"""An HTML page as tests read it: its text, its elements and its forms, by the parser of the standard library."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "img", "hr", "source", "circle", "polyline", "rect"}


@dataclass
class Element:
    """One element: its name, its attributes, and what is inside it."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    inside: "list[Element | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text inside, with single spaces."""
        parts = [each if isinstance(each, str) else each.text for each in self.inside]
        return " ".join(" ".join(parts).split())

    def all(self, name: str = "", /, **attributes: str) -> "Iterator[Element]":
        """Every element below, with this name and these attributes."""
        for each in self.inside:
            if isinstance(each, Element):
                wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
                if (not name or each.name == name) and all(each.attributes.get(k) == v for k, v in wanted.items()):
                    yield each
                yield from each.all(name, **attributes)

    def one(self, name: str = "", /, **attributes: str) -> "Element":
        """The only such element."""
        found = list(self.all(name, **attributes))
        assert len(found) == 1, f"{len(found)} of <{name} {attributes}> in: {self.text[:400]}"
        return found[0]

    def fields(self) -> dict[str, str]:
        """What a browser sends for this form as it is shown, without its files and boxes that are not ticked."""
        inputs = [each for each in self.all("input") if each.attributes.get("type") not in {"file", "checkbox"}]
        sent = {each.attributes["name"]: each.attributes.get("value", "") for each in inputs}
        for select in self.all("select"):
            options = list(select.all("option"))
            chosen = next((each for each in options if "selected" in each.attributes), options[0])
            sent[select.attributes["name"]] = chosen.attributes.get("value", chosen.text)
        return sent


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("page")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].inside.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open[-1].name == tag, f"</{tag}> ends <{self.open[-1].name}>"
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def parse(text: str) -> Element:
    """The page; every element must be closed in order."""
    parser = _Parser()
    parser.feed(text)
    parser.close()
    assert len(parser.open) == 1, f"<{parser.open[-1].name}> is not closed"
    return parser.open[0]
