"""HTML and SVG built of elements: a text is escaped, always, and an element is not escaped again."""

from __future__ import annotations

import html

# https://html.spec.whatwg.org/multipage/syntax.html#void-elements
_VOID = {"br", "col", "hr", "img", "input", "link", "meta"}


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def element(tag: str, /, *children: str | None, **attributes: str | float | bool | None) -> Markup:
    """Return an element with its children; those that are no markup are escaped, and None is left out.

    Args:
        tag: name of the element.
        children: texts and elements.
        attributes: by name; a trailing underscore is dropped, others are dashes (`class_`, `data_figure`); True is an
            attribute without a value, False and None are left out.
    """
    written = ""
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        spelled = key.rstrip("_").replace("_", "-")
        written += f" {spelled}" if value is True else f' {spelled}="{html.escape(_attribute(value))}"'
    if tag in _VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{joined(*children)}</{tag}>")


def joined(*children: str | None) -> Markup:
    """Return texts and elements one after the other, texts escaped."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else html.escape(child, quote=False)
            for child in children
            if child is not None
        )
    )


def _attribute(value: str | float) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
