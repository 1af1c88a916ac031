"""Search keys of names: every reading and its initials (pure but for reading its own table once)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from importlib import resources
from itertools import islice, product

# Surnames whose reading as a name differs from the usual one; the usual one is indexed as well,
# because that is what people type who do not know better.
_SURNAMES = {
    "仇": "qiu chou", "查": "zha cha", "解": "xie jie", "曾": "zeng ceng", "翟": "zhai di", "区": "ou qu",
    "乐": "yue le", "盖": "ge gai", "缪": "miao mou", "朴": "piao pu", "单": "shan dan", "覃": "qin tan",
    "员": "yun yuan", "秘": "bi mi", "冼": "xian", "种": "chong zhong", "召": "shao zhao", "黑": "he hei",
    "折": "she zhe", "句": "gou ju", "祭": "zhai ji", "繁": "po fan", "纪": "ji", "尉": "wei yu", "郇": "xun huan",
    "谌": "chen shen", "阚": "kan", "隗": "wei kui", "逄": "pang", "宓": "mi fu", "乜": "nie mie", "洗": "xian xi",
    "贾": "jia gu", "车": "che ju", "柏": "bai bo", "强": "qiang jiang", "盛": "sheng cheng", "牟": "mou mu",
    "俞": "yu shu", "费": "fei bi", "都": "du dou", "行": "xing hang", "重": "chong zhong", "石": "shi",
    "薄": "bo bao", "藏": "zang cang", "晁": "chao", "卜": "bu", "令": "ling", "那": "na", "哈": "ha", "沈": "shen",
    "应": "ying", "任": "ren", "宁": "ning", "华": "hua", "葛": "ge", "过": "guo", "洪": "hong", "叶": "ye",
    "万俟": "moqi", "尉迟": "yuchi weichi", "单于": "chanyu", "长孙": "zhangsun changsun", "澹台": "tantai",
    "令狐": "linghu", "宰父": "zaifu", "呼延": "huyan", "皇甫": "huangfu", "夏侯": "xiahou", "司马": "sima",
    "上官": "shangguan", "欧阳": "ouyang", "诸葛": "zhuge", "东方": "dongfang", "慕容": "murong", "独孤": "dugu",
    "公孙": "gongsun", "轩辕": "xuanyuan", "宇文": "yuwen", "司徒": "situ", "南宫": "nangong", "申屠": "shentu",
}  # fmt: skip
# Surnames of two characters, syllable by syllable, for the initials.
_SYLLABLES = {
    "moqi": "mq", "yuchi": "yc", "weichi": "wc", "chanyu": "cy", "zhangsun": "zs", "changsun": "cs", "tantai": "tt",
    "linghu": "lh", "zaifu": "zf", "huyan": "hy", "huangfu": "hf", "xiahou": "xh", "sima": "sm", "shangguan": "sg",
    "ouyang": "oy", "zhuge": "zg", "dongfang": "df", "murong": "mr", "dugu": "dg", "gongsun": "gs",
    "xuanyuan": "xy", "yuwen": "yw", "situ": "st", "nangong": "ng", "shentu": "st",
}  # fmt: skip
_PIECE = re.compile(r"[a-z]+|.")  # a Latin word is one piece with one initial
_MOST_READINGS = 16
_LONGEST_NAME = 30


@lru_cache(maxsize=1)
def _readings() -> dict[str, str]:
    """Character to its readings, the usual one first."""
    found: dict[str, str] = {}
    text = (resources.files("crm_core.customers") / "data" / "pinyin.txt").read_text(encoding="utf-8")
    lines = [line.split(" ") for line in text.splitlines()]
    for column in (1, 2):
        for reading, *characters in lines:
            for character in characters[column - 1] if len(characters) >= column else "":
                found[character] = f"{found[character]} {reading}" if character in found else reading
    return found


def keys(name: str) -> tuple[str, str]:
    """(pinyin, initials) of a name, all readings with blanks between: 曾乐 has "zengle zengyue …" and "zl zy …"."""
    units = _units(unicodedata.normalize("NFKC", name).casefold()[:_LONGEST_NAME])
    whole = list(islice(product(*units), _MOST_READINGS)) if units else []
    pinyin = dict.fromkeys("".join(part) for part in whole)
    initials = dict.fromkeys("".join(_initial(part) for part in one) for one in whole)
    return _within(pinyin, 400), _within(initials, 80)


def _units(name: str) -> list[list[str]]:
    """The readings of each character, the surname by its own table; signs and blanks fall away."""
    units: list[list[str]] = []
    rest = name
    for length in (2, 1):
        if known := _SURNAMES.get(name[:length]):
            units.append(known.split())
            rest = name[length:]
            break
    for piece in _PIECE.findall(rest):
        if readings := _readings().get(piece):
            units.append(readings.split(" "))
        elif piece.isalnum():
            units.append([piece])
    return units


def _initial(reading: str) -> str:
    return _SYLLABLES.get(reading, reading[:1])


def _within(found: dict[str, None], limit: int) -> str:
    out: list[str] = []
    used = 0
    for key in found:
        used += len(key) + 1
        if used > limit + 1:
            break
        out.append(key)
    return " ".join(out)


def query_key(text: str) -> str:
    """What somebody typed, as the keys are written: lower case, no blanks, ü as v."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("ü", "v").replace("u:", "v")
    return "".join(c for c in plain if c.isalnum())
