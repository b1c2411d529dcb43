"""HTML and SVG from Python, escaped unless it was made here: text from records cannot become markup."""

from __future__ import annotations

import html

from jobs.report.words import visible


class Markup(str):
    """Text that is HTML already. Anything else is escaped; joined with a plain string it becomes a plain string."""

    __slots__ = ()


def escaped(child: str) -> Markup:
    """HTML of a text: markup as it is, all else with hidden characters made visible and then escaped."""
    return child if isinstance(child, Markup) else Markup(html.escape(visible(child), quote=True))


def joined(*children: str | None) -> Markup:
    """HTML of several texts one after the other; None is left out."""
    return Markup("".join(escaped(child) for child in children if child is not None))


def element(name: str, /, *children: str | None, **attributes: str | float | None) -> Markup:
    """One element with its children; an attribute that is None is left out.

    Attributes that are Python words end in an underscore, and underscores stand for dashes.

    >>> element("a", "<b>", href="#x", class_="y", aria_label=None)
    '<a href="#x" class="y">&lt;b&gt;</a>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>{joined(*children)}</{name}>")


def void(name: str, /, **attributes: str | float | None) -> Markup:
    """One element that has neither children nor an end, such as `meta`."""
    return Markup(element(name, **attributes).removesuffix(f"</{name}>"))


def foreign(text: str) -> Markup:
    """A name from a record, kept apart so that its direction of writing does not move what stands beside it."""
    return element("bdi", text)
