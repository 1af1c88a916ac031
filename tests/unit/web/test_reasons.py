"""What links and the doctor say is understood in the reader's language."""

from __future__ import annotations

import ast
import re
import ssl
from pathlib import Path

import pytest

from callcenter.ami.session import _in_words
from crm_core.kernel.errors import Unavailable
from web import i18n
from web.pages.reasons import reason

ROOT = Path(__file__).resolve().parents[3]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def _tls_trouble() -> ssl.SSLError:
    """As the interpreter raises it: it knows the reason only when OpenSSL gave it."""
    try:
        ssl.create_default_context().load_verify_locations(cadata="no certificate")
    except ssl.SSLError as trouble:
        return trouble
    raise AssertionError("OpenSSL took that for a certificate")


@pytest.mark.parametrize(
    "trouble",
    [
        TimeoutError(),
        _tls_trouble(),
        ConnectionRefusedError(111, "Connection refused"),
        OSError("strange"),
        Unavailable("pbx_timeout", "The PBX main did not answer Login in time."),
    ],
)
def test_every_kind_of_broken_link_is_told_in_chinese(trouble: BaseException) -> None:
    i18n.use("zh")
    assert CHINESE.search(reason(_in_words(trouble)))


def test_a_reason_inside_a_reason_is_told_too() -> None:
    i18n.use("zh")
    assert reason("the PBX cannot be reached: Connection refused") == "无法连接话务平台：连接被拒绝"
    assert reason("The PBX refuses user 'cc': Authentication failed") == "话务平台拒绝用户“cc”：用户名或密码不对"
    assert reason("must be from 1 to 7200") == "须在 1 到 7200 之间"
    assert reason("something else") == "something else"
    i18n.use("en")
    assert reason("the PBX has not answered for 10 s") == "the PBX has not answered for 10 s"
    i18n.use("zh")


@pytest.mark.parametrize("file", ["session.py", "protocol.py"])
def test_every_sentence_by_which_a_link_ends_is_known(file: str) -> None:
    """Read from the sources: the texts handed to what ends or names the state of a link."""
    i18n.use("zh")
    tree = ast.parse((ROOT / "callcenter" / "ami" / file).read_text(encoding="utf-8"))
    enders = {"_finish", "close", "_hang_up", "LinkState", "LoginRefused"}
    said = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in enders:
                said += [one for arg in node.args for one in ast.walk(arg)]
    texts = [one.value for one in said if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    sentences = [text for text in texts if " " in text and not text.endswith((": ", ":"))]
    assert sentences
    assert [text for text in sentences if not CHINESE.search(reason(text))] == []


def test_all_that_the_doctor_says_is_in_the_catalogue() -> None:
    """A message that is not marked for the catalogue would stand in English on a Chinese page."""
    for file in ("doctor.py", "ami/filters.py"):
        tree = ast.parse((ROOT / "callcenter" / file).read_text(encoding="utf-8"))
        marked = {
            id(arg)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "N_"
            for arg in node.args
        }
        bare = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in marked
            if re.fullmatch(r"[A-Z][^\n]* [^\n]*\.", node.value)
        ]
        docs = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)}  # fmt: skip
        assert [text for text in bare if text not in docs] == []
