"""What a column can mean, and which column means what by its heading, Chinese or English (pure)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from crm_core.customers.custom.rules import Definition
from crm_core.kernel.texts import N_

CUSTOM: Final = "custom."
IGNORED: Final = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A target of a column. ``kind`` says how its cells are read; ``synonyms`` are headings without blanks."""

    name: str
    label: str
    kind: str = "text"
    synonyms: tuple[str, ...] = ()
    several: bool = False  # whether several columns may mean it


def _field(name: str, label: str, synonyms: str, kind: str = "text", several: bool = False) -> Field:
    return Field(name, label, kind, tuple(synonyms.split()), several)


FIELDS: Final = (
    _field("account_number", N_("Account number"), "账号 客户编号 顾客编号 会员编号 会员号 客户号 编号 户号 accountno"),
    _field("name", N_("Name"), "姓名 客户姓名 顾客姓名 名称 客户名称 单位名称 会员姓名 名字 客户 fullname"),
    _field("kind", N_("Person or organisation"), "客户性质 个人或单位 性质", "kind"),
    _field("sex", N_("Sex"), "性别 gender", "sex"),
    _field("id_card", N_("ID card"), "身份证 身份证号 身份证号码 证件号 证件号码 idnumber", "id_card"),
    _field("birthday", N_("Birthday"), "生日 出生日期 出生年月日 出生年月 阳历生日 公历生日 dateofbirth", "birthday"),
    _field("lunar_birthday", N_("Lunar birthday"), "农历生日 阴历生日 农历 阴历", "lunar_birthday"),
    _field("form_of_address", N_("Form of address"), "称呼 称谓 尊称 title"),
    _field(
        "phones",
        N_("Phone"),
        "电话 电话号码 联系电话 联系方式 手机/电话 备用电话 其他电话 phonenumber tel",
        "phone",
        several=True,
    ),
    _field("mobile", N_("Mobile"), "手机 手机号 手机号码 移动电话 手机1 手机2 cell cellphone", "phone.mobile", True),
    _field("landline", N_("Landline"), "固话 固定电话 座机", "phone.landline", True),
    _field("home_phone", N_("Phone at home"), "家庭电话 住宅电话 宅电 家里电话", "phone.home", True),
    _field("office_phone", N_("Office phone"), "办公电话 单位电话", "phone.office", True),
    _field("fax", N_("Fax"), "传真 传真号码", "phone.fax", True),
    _field("address", N_("Whole address"), "地址 联系地址 详细地址 家庭地址 住址 家庭住址 收货地址", "address"),
    _field("province", N_("Province"), "省 省份 省市 所在省"),
    _field("city", N_("City"), "市 城市 所在市 地市"),
    _field("district", N_("District"), "区 区县 县区 所在区 区/县 县"),
    _field("community", N_("Community"), "小区 社区 街道社区 居委会"),
    _field("street", N_("Street"), "街道 街道地址 路名 门牌 门牌号 streetaddress"),
    _field("postcode", N_("Postcode"), "邮编 邮政编码 zip zipcode postalcode", "code"),
    _field("owner", N_("Owner"), "业务员 销售员 责任人 归属人 归属 负责人 客服 跟进人 健康顾问 顾问", "user"),
    _field("department", N_("Department"), "部门 所属部门 归属部门", "department"),
    _field("type", N_("Type"), "客户类型 顾客类型 类型 分类 客户分类 类别 customertype"),
    _field("source", N_("Source"), "来源 客户来源 资料来源 顾客来源 渠道 channel"),
    _field("membership", N_("Membership"), "会员 会员级别 会员等级 会员类型 卡级别 memberlevel"),
    _field("referred_by", N_("Referred by"), "介绍人 推荐人 转介绍人 介绍人账号 推荐人编号 referrer", "customer"),
    _field("occupation", N_("Occupation"), "职业 profession job"),
    _field("position", N_("Position"), "职务 职位 jobtitle"),
    _field("ethnicity", N_("Ethnicity"), "民族"),
    _field("origin", N_("Origin"), "籍贯"),
    _field("education", N_("Education"), "学历 文化程度 教育程度"),
    _field("marital_state", N_("Marital state"), "婚姻 婚姻状况 婚否", "marital"),
    _field("economic_state", N_("Economic state"), "经济状况 收入状况"),
    _field("email", N_("E-mail"), "邮箱 电子邮箱 电子邮件 mail emailaddress", "email"),
    _field("wechat", N_("WeChat"), "微信 微信号"),
    _field("qq", N_("QQ"), "qq号 qq号码", "code"),
    _field("best_time", N_("Best time to call"), "方便时间 联系时间 最佳联系时间 接听时间"),
    _field("best_way", N_("Best way of contact"), "联系途径 最佳联系方式"),
    _field("taboos", N_("Taboos"), "禁忌事项 忌讳 禁忌话题"),
    _field("medical_history", N_("Medical history"), "病史 既往病史 健康状况 疾病史 身体状况", "medical"),
    _field("contraindications", N_("Contraindications"), "禁忌 用药禁忌 禁忌症 禁用", "medical"),
    _field("do_not_call", N_("Do not call"), "拒绝来电 勿扰 不要打电话 免打扰 拒访", "flag"),
    _field("remarks", N_("Remarks"), "备注 说明 其他 备注信息 附注 note notes comment comments memo"),
    _field("created_at", N_("Entered at"), "录入时间 录入日期 建档时间 建档日期 创建时间 登记时间 登记日期", "time"),
    _field("entered_by", N_("Entered by"), "录入人 录入员 建档人 创建人 登记人", "user"),
    _field("collected_at", N_("Collected on"), "收集时间 收集日期 采集日期 采集时间", "date"),
    _field("collected_by", N_("Collected by"), "收集人 采集人 资料收集人"),
    _field("collected_department", N_("Collected in the department"), "收集部门 采集部门"),
    _field("allergies", N_("Allergies"), "过敏 过敏史 药物过敏", "medical"),
)  # fmt: skip
BY_NAME: Final[Mapping[str, Field]] = {field.name: field for field in FIELDS}
_UNITS: Final = re.compile(r"[(（\[【].*?[)）\]】]|[*＊:：\s_\-—.·/\\\"']+")


def plain(heading: str) -> str:
    """A heading as it is compared: half-width, lower case, without blanks, signs and what stands in brackets."""
    return _UNITS.sub("", unicodedata.normalize("NFKC", heading).casefold())


def _known() -> dict[str, str]:
    known: dict[str, str] = {}
    for field in FIELDS:
        for word in (field.name, field.label, *field.synonyms):
            known.setdefault(plain(word), field.name)
    return known


_KNOWN: Final = _known()
_NUMBERED: Final = re.compile(r"[0-9一二三]$")


def meaning(heading: str, custom: Mapping[str, str]) -> str:
    """The field that a heading means, IGNORED when nobody can know. ``custom``: own fields' codes by plain label."""
    word = plain(heading)
    if not word:
        return IGNORED
    if word in custom:
        return CUSTOM + custom[word]
    found = _KNOWN.get(word) or _KNOWN.get(_NUMBERED.sub("", word))
    return found or IGNORED


def propose(headings: Sequence[str], custom: Mapping[str, str] | None = None) -> list[str]:
    """A field for each column; where two columns claim one field, the first has it."""
    taken: set[str] = set()
    proposal = []
    for heading in headings:
        name = meaning(heading, custom or {})
        if name in taken and not (name in BY_NAME and BY_NAME[name].several):
            name = IGNORED
        taken.add(name)
        proposal.append(name)
    return proposal


def own_headings(definitions: Iterable[Definition]) -> dict[str, str]:
    """Codes of own fields by what may stand above their columns."""
    known: dict[str, str] = {}
    for one in definitions:
        for word in (one.code, one.zh, one.en):
            if word:
                known.setdefault(plain(word), one.code)
    return known


def known_headings(cells: Iterable[object]) -> int:
    """How many of the cells are headings that we know: finds the row of headings below a title."""
    return sum(bool(meaning(cell, {})) for cell in cells if isinstance(cell, str))


def is_field(name: str) -> bool:
    return name in BY_NAME or (name.startswith(CUSTOM) and len(name) > len(CUSTOM))
