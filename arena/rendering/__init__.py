"""Markdown as contenders write it → safe HTML, at once or while it is being written. Pure.

GitHub's flavour: tables, strikethrough, task lists, bare links, footnotes; mathematics as MathML;
a single line break stays one. No raw HTML; links only to http, https and mailto; images become
links; headings start at h3, below the page's own. Link reference definitions are not supported:
one at the end would change blocks already shown. Every top-level block is one HTML element.
"""

from arena.rendering.stream import StreamRenderer, render

__all__ = ["StreamRenderer", "render"]
