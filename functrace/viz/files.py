"""A graph written to a file, in the form that the file's ending names."""

from __future__ import annotations

from pathlib import Path

from ..errors import OptionError
from ..lazy import import_extra
from .graph import Graph


def save(graph: Graph, path: Path) -> None:
    """Write it."""
    ending = path.suffix.lower()
    if ending == ".png":
        path.write_bytes(_png(graph.to_svg()))
        return
    texts = {".svg": graph.to_svg, ".html": graph.to_html, ".dot": graph.to_dot, ".mmd": graph.to_mermaid}
    if ending not in texts:
        raise OptionError(
            f"expected a file that ends in {', '.join([*texts, '.png'])}, got {path.name!r}",
            instead=f"graph.save({path.stem + '.svg'!r})",
        )
    path.write_text(texts[ending](), encoding="utf-8")


def _png(svg: str) -> bytes:
    """The picture at twice its size, in the font that comes with Matplotlib."""
    purpose = "a graph as PNG"
    resvg, matplotlib = import_extra("resvg_py", "viz", purpose), import_extra("matplotlib", "viz", purpose)
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    files = [str(fonts / f"DejaVuSansMono{style}.ttf") for style in ("", "-Bold", "-Oblique")]
    return bytes(resvg.svg_to_bytes(svg, zoom=2, font_files=files, monospace_family="DejaVu Sans Mono"))
