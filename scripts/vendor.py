"""Copy the pinned third-party browser files into ``web/static/vendor``, with licences, versions and checksums.

The result is committed, so that the product works with no network at all. ``--check`` only compares what is there with
the manifest; ``--icons`` only rebuilds the sprite, after ``icons.txt`` got a new name.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

WEB = Path(__file__).resolve().parent.parent / "web"
VENDOR = WEB / "static" / "vendor"
MANIFEST = VENDOR / "manifest.json"
SPRITE = "icons.svg"
ICON_LIST = WEB / "static" / "icons.txt"
SOURCE_MAP = re.compile(rb"\n?(?://#|/\*#)\s*sourceMappingURL=[^\n]*")


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package: the files to take from it, as path inside the package to name in the vendor folder."""

    name: str
    version: str
    files: tuple[tuple[str, str], ...]
    licence_file: str | None = "LICENSE"


PACKAGES = (
    # Its package carries no licence text; the file's own head names authors and licence (MIT).
    Package("@tabler/core", "1.6.1", (("dist/css/tabler.min.css", "tabler.min.css"),), licence_file=None),
    Package("@tabler/icons", "3.51.0", ()),
    Package("htmx.org", "4.0.1", (("dist/htmx.min.js", "htmx.min.js"),)),
    Package("wavesurfer.js", "8.0.1", (("dist/wavesurfer.esm.js", "wavesurfer.esm.js"),)),
    Package("echarts", "6.1.0", (("dist/echarts.common.min.js", "echarts.common.min.js"),)),
)


def used_icons() -> list[str]:
    """The icons of the interface; a page that names another one fails when it is drawn."""
    return ICON_LIST.read_text(encoding="utf-8").split()


def unpack(package: Package, into: Path) -> Path:
    """Fetch the package with npm's own client and unpack it."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is needed to fetch the browser files: install Node.js 20 or newer (apt-get install nodejs npm)")
    command = [npm, "pack", f"{package.name}@{package.version}", "--silent", "--pack-destination", str(into)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    target = into / package.name.replace("/", "-").lstrip("@")
    with tarfile.open(into / done.stdout.split()[-1]) as archive:
        archive.extractall(target, filter="data")
    return target / "package"


def sprite(icons_root: Path) -> str:
    """One SVG with a ``<symbol>`` for each used icon; a filled one is asked for as ``name-filled``."""
    symbols = []
    for name in used_icons():
        filled = name.endswith("-filled")
        folder, stem = ("filled", name.removesuffix("-filled")) if filled else ("outline", name)
        source = icons_root / "icons" / folder / f"{stem}.svg"
        if not source.exists():
            sys.exit(f"no such icon: {name} (named in {ICON_LIST.name})")
        body = re.search(r"<svg[^>]*>(.*)</svg>", source.read_text(encoding="utf-8"), re.DOTALL)
        if body is None:
            sys.exit(f"{source.name} is not an SVG file")
        paths = re.sub(r'\s*<path stroke="none" d="M0 0h24v24H0z" fill="none" />', "", body.group(1))
        paint = 'fill="currentColor"' if filled else 'fill="none" stroke="currentColor"'
        stroke = "" if filled else ' stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24" {paint}{stroke}>{" ".join(paths.split())}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def licence_text(package: Package, root: Path, head: str) -> str:
    """The licence as the package ships it, else the copyright head of its first file."""
    if package.licence_file is not None:
        return (root / package.licence_file).read_text(encoding="utf-8")
    notice = re.search(r"/\*!(.*?)\*/", head, re.DOTALL)
    return "\n".join(line.strip(" *") for line in (notice.group(1) if notice else "").splitlines()).strip() + "\n"


def take(package: Package, scratch: Path) -> dict[str, object]:
    """Copy one package's files and answer its line of the manifest."""
    root = unpack(package, scratch)
    declared = json.loads((root / "package.json").read_text(encoding="utf-8"))
    written: list[str] = []
    for source, name in package.files:
        # Source maps are not shipped, so their address would only be a failing request in the developer tools.
        (VENDOR / name).write_bytes(SOURCE_MAP.sub(b"", (root / source).read_bytes()).rstrip() + b"\n")
        written.append(name)
    if package.name == "@tabler/icons":
        (VENDOR / SPRITE).write_text(sprite(root), encoding="utf-8")
        written.append(SPRITE)
    licence = f"LICENSE.{package.name.replace('/', '-').lstrip('@')}.txt"
    head = (VENDOR / written[0]).read_text(encoding="utf-8")[:4000]
    (VENDOR / licence).write_text(licence_text(package, root, head), encoding="utf-8")
    return {
        "name": package.name,
        "version": package.version,
        "licence": declared["license"],
        "licence_file": licence,
        "files": {name: checksum(VENDOR / name) for name in written},
    }


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def mismatches() -> list[str]:
    """What differs between the manifest and the folder, and icons of the list that are not in the sprite."""
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    wrong = [
        f"{name}: not as in the manifest"
        for package in manifest["packages"]
        for name, digest in package["files"].items()
        if not (VENDOR / name).exists() or checksum(VENDOR / name) != digest
    ]
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (VENDOR / SPRITE).read_text(encoding="utf-8")))
    return wrong + [f"icon {name}: not in the sprite" for name in used_icons() if name not in drawn]


def fetch(packages: tuple[Package, ...]) -> None:
    """Fetch these packages and write their lines into the manifest."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    kept = json.loads(MANIFEST.read_text(encoding="utf-8"))["packages"] if MANIFEST.exists() else []
    with tempfile.TemporaryDirectory() as scratch:
        lines = {package.name: take(package, Path(scratch)) for package in packages}
    wanted = [package.name for package in PACKAGES]
    merged = {line["name"]: line for line in kept if line["name"] in wanted} | lines
    ordered = [merged[name] for name in wanted if name in merged]
    MANIFEST.write_text(json.dumps({"packages": ordered}, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the manifest, fetch nothing")
    parser.add_argument("--icons", action="store_true", help="only rebuild the icon sprite")
    wanted = parser.parse_args()
    if wanted.check:
        wrong = mismatches()
        print("\n".join(wrong) or "vendor files are as in the manifest")
        return 1 if wrong else 0
    fetch(tuple(p for p in PACKAGES if not wanted.icons or p.name == "@tabler/icons"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
