"""The repository belongs to nobody's machine and promises nothing that is not there."""

from __future__ import annotations

import re

from tests.architecture.sources import ROOT, Place, none_of, texts

# Addresses in our files lead nowhere but to this machine, to names that can never exist, or to namespaces.
_HOSTS = re.compile(
    r"^(127\.0\.0\.1|localhost|\[::1\]|www\.w3\.org|json-schema\.org|([a-z0-9-]+\.)*example(\.(com|org|net))?)$"
)
_URL = re.compile(r"\b(?:https?|wss?)://([A-Za-z0-9.-]+|\[[0-9a-f:]+\])")
_MACHINE_PATH = re.compile(r"(?<![\w.}$])/(?:home|root|Users|work|mnt|media)/[\w.-]+")
_UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
_LINK = re.compile(r"\]\((?!https?:)([^)#:]+)(?:#[^)]*)?\)")
_PATH = re.compile(r"`((?:callcenter|crm_core|web|sms|tests|bench|docs|scripts|asterisk-config)/[\w./-]+)`")
_OWN = "tests/architecture/"
_RECORDED = (".ami", ".cdr.csv", ".queue_log", ".po", ".lock", ".svg")


def _places(pattern: re.Pattern[str], *, leave_out: tuple[str, ...] = ()) -> list[tuple[Place, re.Match[str]]]:
    return [
        (Place(file, number, match[0]), match)
        for file, text in texts().items()
        if not file.startswith(_OWN) and not file.endswith(leave_out)
        for number, line in enumerate(text.splitlines(), 1)
        for match in pattern.finditer(line)
    ]


def test_addresses_lead_to_no_registry_and_no_foreign_host() -> None:
    found = [
        str(place)
        for place, match in _places(_URL, leave_out=_RECORDED)
        if not _HOSTS.match(match[1])
        # A deliberately hostile address is the subject of some tests; one without a dot can be nobody's.
        and not (place.file.startswith("tests/") and (match[1].startswith("evil") or "." not in match[1]))
    ]
    none_of(found)


def test_the_lock_files_name_no_index() -> None:
    for file in ("requirements.lock", "requirements-dev.lock"):
        lines = (ROOT / file).read_text().splitlines()
        none_of([line for line in lines if "://" in line or line.startswith(("-i", "--index", "--extra"))])
        assert any("--hash=sha256:" in line for line in lines)


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    none_of([str(place) for place, _ in _places(_MACHINE_PATH, leave_out=(*_RECORDED, ".xz"))])


def test_nothing_is_left_for_later() -> None:
    none_of([str(place) for place, _ in _places(_UNFINISHED, leave_out=_RECORDED)])


def test_the_documents_name_only_files_that_exist() -> None:
    named = [
        (file, path)
        for file, text in texts().items()
        if file.endswith(".md")
        for path in [*(_from(file, link) for link in _LINK.findall(text)), *_PATH.findall(text)]
    ]
    none_of([f"{file} names {path}" for file, path in named if not (ROOT / path).exists()])


def _from(file: str, link: str) -> str:
    """Where a relative link of this document leads, from the root."""
    parts = file.split("/")[:-1]
    for part in link.rstrip("/").split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
