"""What the templates and catalogues must keep to, whatever page is added."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from jinja2 import nodes

from web import i18n
from web.pages import render, words

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = ROOT / "web" / "templates"
ALL = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))
PAGES = [name for name in ALL if name != "base.html" and not name.startswith("ui/")]
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
# Words that are the same in every language: units, keys, names of formats.
SAME_EVERYWHERE = {"Alt", "Ctrl", "Enter", "N", "P", "D", "TLS", "1…5", "↑", "↓", "⏎"}


def source(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ALL)
def test_a_template_holds_no_text_outside_the_catalogue(name: str) -> None:
    text = re.sub(r"\{% block main_class %\}.*?\{% endblock %\}", " ", source(name))
    bare = re.sub(r"<(script|style)\b.*?</\1>|<!--.*?-->", " ", JINJA.sub(" ", text), flags=re.DOTALL)
    shown = re.sub(r"<[^>]*>", " ", bare)
    found = {word for word in re.findall(r"[^\W\d_]{2,}|[\u4e00-\u9fff]", shown) if word not in SAME_EVERYWHERE}
    assert not found
    for attribute in ("placeholder", "title", "aria-label", "alt"):
        assert not re.search(rf'\b{attribute}="[^"{{]*[A-Za-z\u4e00-\u9fff]', source(name)), attribute


@pytest.mark.parametrize("name", ALL)
def test_a_template_runs_nothing_inline(name: str) -> None:
    text = source(name)
    assert not re.search(r"\son[a-z]+\s*=", text), "an inline handler"
    assert not re.search(r"\sstyle\s*=", text), "an inline style"
    for tag in re.findall(r"<script[^>]*>", text):
        assert 'src="' in tag or 'type="application/json"' in tag, tag
    assert "|safe" not in text.replace(" ", "")


@pytest.mark.parametrize("name", PAGES)
def test_pages_use_only_the_classes_of_the_house(name: str) -> None:
    classes = " ".join(re.findall(r'class="([^"]*)"', JINJA.sub(" ", source(name)))).split()
    assert {one for one in classes if not one.startswith("c-")} == set()


@pytest.mark.parametrize("name", ALL)
def test_every_template_parses_and_asks_for_files_that_exist(name: str) -> None:
    tree = render.environment(ZoneInfo("Asia/Shanghai")).parse(source(name))
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in ("static", "icon") and call.args:
            first = call.args[0]
            if isinstance(first, nodes.Const):
                getattr(render, call.node.name)(first.value)


def test_chinese_is_complete_and_nothing_is_fuzzy() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "i18n.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_translations_keep_the_places_for_values() -> None:
    from babel.messages.pofile import read_po

    path = i18n.TRANSLATIONS / "zh_CN" / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale="zh_CN")
    for message in catalogue:
        keys = message.id if isinstance(message.id, str) else message.id[-1]
        texts = [message.string] if isinstance(message.string, str) else list(message.string)
        for text in texts if keys else []:
            assert set(re.findall(r"%\(\w+\)\w", text)) == set(re.findall(r"%\(\w+\)\w", keys)), keys


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_what_scripts_show_can_stand_in_a_page(language: str) -> None:
    i18n.use(language)
    texts = words.script_texts()
    assert json.loads(json.dumps(texts)) == texts
    assert texts["saved"] == ("已保存。" if language == "zh" else "Saved.")


def test_scripts_ask_only_for_texts_that_exist() -> None:
    known = set(words.script_texts())
    for script in (ROOT / "web" / "static" / "js").glob("*.js"):
        text = script.read_text(encoding="utf-8")
        asked = set(re.findall(r'(?<![\w.])t\("(\w+)"', text))
        assert asked <= known, (script.name, asked - known)


def test_the_vendored_files_are_those_of_the_manifest() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "vendor.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
