"""Serves the pages of a console: `/`, and its files under a path that changes with their content.

All files are read once, when the node starts, and kept compressed. The path of a file contains a hash of all files. So
a browser keeps each file for ever, and a page never mixes the files of two releases. Only `/` is asked for again.

The content security policy allows the page its own files and the calls of its own node, and nothing else: no inline
script or style, no frame, no other machine.
"""

from __future__ import annotations

import gzip
import mimetypes
import posixpath
import re
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import blake2b
from html import escape
from pathlib import Path

from aiohttp import web
from msgspec import Struct

from console.third_party import is_complete

STATIC = Path(__file__).parent / "static"

PREFIX = "/console"

SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every answer of the console (https://www.w3.org/TR/CSP3/)."""

STYLES = ("third_party/pico.css", "look/tokens.css", "look/console.css")

KEPT = "public, max-age=31536000, immutable"

COMPRESSED_FROM_BYTES = 1_000

TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".css": "text/css", ".json": "application/json"}

_static_import = re.compile(r"""\b(?:import|export)\b[^"';()]*["'](\.{1,2}/[^"']+)["']""")


class Asset(Struct, frozen=True):
    """One file: its bytes, also compressed if that is shorter."""

    body: bytes
    compressed: bytes | None
    content_type: str


@cache
def site(entry: str, first: str, title: str, *styles: str) -> Site:
    """The site of a console. Nodes of one process share it, because its files are read and compressed."""
    return Site(entry, title, styles, first=first)


class Site:
    """The files of the consoles, and the start page of one of them.

    `entry` is the module that the page loads, such as `store/main.mjs`. `styles`: styles besides those of all consoles.
    `first`: the module of the start page, which `entry` imports later. Most visits begin there, so the browser asks
    for it at once.
    """

    def __init__(
        self, entry: str, title: str, styles: Sequence[str] = (), folder: Path = STATIC, first: str = ""
    ) -> None:
        sources = _read(folder)
        digest = blake2b(digest_size=8)
        for name, body in sources.items():
            digest.update(name.encode() + b"\0" + body + b"\0")
        self.base = f"{PREFIX}/{digest.hexdigest()}"
        self._assets = {name: _asset(name, body) for name, body in sources.items()}
        self._page = _asset("index.html", self._start_page([entry, first], title, (*STYLES, *styles), sources))

    def add_to(self, app: web.Application) -> None:
        """Serve the console in an application."""
        app.router.add_get("/", self.page)
        app.router.add_get(f"{self.base}/{{file:.+}}", self.file)

    async def page(self, request: web.Request) -> web.Response:
        return _answer(request, self._page, "no-cache")

    async def file(self, request: web.Request) -> web.Response:
        asset = self._assets.get(request.match_info["file"])
        if asset is None:
            raise web.HTTPNotFound
        return _answer(request, asset, KEPT)

    def _start_page(
        self, modules: Sequence[str], title: str, styles: Sequence[str], sources: Mapping[str, bytes]
    ) -> bytes:
        links = [f'<link rel="stylesheet" href="{self.base}/{name}">' for name in styles]
        links += [f'<link rel="modulepreload" href="{self.base}/{name}">' for name in needed_by(modules, sources)]
        if not is_complete():
            return _INCOMPLETE
        return _PAGE.format(
            title=escape(title),
            links="\n".join(links),
            icon=f"{self.base}/look/icon.svg",
            entry=f"{self.base}/{modules[0]}",
        ).encode()


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="{icon}">
{links}
<script type="module" src="{entry}"></script>
</head>
<body>
<div id="app">
<header class="bar"><span class="brand"><span class="mark"></span>Shelfsync</span></header>
<noscript>This page needs JavaScript. The JSON calls of this node do not: see /openapi.json.</noscript>
</div>
</body>
</html>
"""

_INCOMPLETE = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Shelfsync</title></head><body>
<h1>The console is not installed</h1>
<p>This checkout lacks the third-party code of the pages. Run <code>python -m console.third_party</code> and start the
node again. All JSON calls work: see <a href="/openapi.json">/openapi.json</a>.</p>
</body></html>
"""


def needed_by(modules: Sequence[str], sources: Mapping[str, bytes]) -> list[str]:
    """Some modules and all that they import statically, also indirectly, so that a browser asks for them at once."""
    found = dict.fromkeys(name for name in modules if name in sources)
    waiting = list(found)
    while waiting:
        name = waiting.pop()
        for path in _static_import.findall(sources[name].decode()):
            other = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            if other not in found and other in sources:
                found[other] = None
                waiting.append(other)
    return list(found)


def _read(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _asset(name: str, body: bytes) -> Asset:
    suffix = posixpath.splitext(name)[1]
    kind = TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    compressed = gzip.compress(body, mtime=0) if len(body) >= COMPRESSED_FROM_BYTES else None
    return Asset(body, compressed if compressed and len(compressed) < len(body) else None, kind)


def _answer(request: web.Request, asset: Asset, cache: str) -> web.Response:
    headers = SECURITY | {"Cache-Control": cache}
    body = asset.body
    if asset.compressed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        body, headers["Content-Encoding"] = asset.compressed, "gzip"
    text = asset.content_type.startswith(("text/", "application/json"))
    return web.Response(body=body, headers=headers, content_type=asset.content_type, charset="utf-8" if text else None)
