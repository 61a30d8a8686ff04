"""A page that shows the figures that differ from the stored ones."""

from PIL import ImageChops

from helpers.files import write_whole

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Notebook checks</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem }}
  th, td {{ padding: .5rem; text-align: left; vertical-align: top }}
  img {{ max-width: 28vw }}
</style>
<h1>Figures that differ from the stored ones: {count}</h1>
<table>
<tr><th>cell<th>expected<th>actual<th>difference
{rows}
</table>
</html>
"""


def save_pictures(folder, expected, actual):
    """Write two pictures and their difference, of the size that holds both, as PNG."""
    size = max(expected.width, actual.width), max(expected.height, actual.height)
    padded = [picture.crop((0, 0, *size)) for picture in (expected, actual)]
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in (("expected", expected), ("actual", actual), ("difference", ImageChops.difference(*padded))):
        picture.save(folder / f"{name}.png")


def write_index(out):
    """List in `index.html` every figure that differs."""
    rows = []
    for folder in sorted(path.parent.relative_to(out).as_posix() for path in out.glob("*/figures/*/difference.png")):
        pictures = (
            f'<td><img src="{folder}/{name}.png" alt="{name}">' for name in ("expected", "actual", "difference")
        )
        rows.append(f"<tr><th>{folder.replace('/figures/', ', ')}{''.join(pictures)}")
    with write_whole(out / "index.html") as draft:
        draft.write_text(PAGE.format(count=len(rows), rows="\n".join(rows)), encoding="utf-8")
