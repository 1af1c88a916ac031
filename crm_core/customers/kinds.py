"""What kinds of customers, birthdays, numbers and states there are; pure, for tables and rules alike."""

from __future__ import annotations

from enum import StrEnum


class CustomerKind(StrEnum):
    PERSON = "person"
    ORGANIZATION = "organization"


class Sex(StrEnum):
    MALE = "male"
    FEMALE = "female"


class Calendar(StrEnum):
    SOLAR = "solar"
    LUNAR = "lunar"


class PhoneKind(StrEnum):
    MOBILE = "mobile"
    LANDLINE = "landline"
    OFFICE = "office"
    HOME = "home"
    FAX = "fax"


class PhoneState(StrEnum):
    UNVERIFIED = "unverified"
    VALID = "valid"
    UNREACHABLE = "unreachable"
    WRONG = "wrong"


class PurchaseState(StrEnum):
    """未购买, 首次购买, 重复购买: derived from what was bought."""

    NONE = "none"
    FIRST = "first"
    REPEAT = "repeat"


class RetentionState(StrEnum):
    """在用, 停用, 流失, 返回: derived from when things run out."""

    IN_USE = "in_use"
    STOPPED = "stopped"
    LOST = "lost"
    RETURNED = "returned"


class RecordState(StrEnum):
    """资料管理状态: what was last done with the record itself."""

    NEW = "new"
    CHANGED = "changed"
    ALLOCATED = "allocated"


class UseState(StrEnum):
    """客户使用状态: for whom the customer buys."""

    OWN = "own"
    PARENTS = "parents"
    FRIENDS = "friends"
    COLLEAGUES = "colleagues"


class MaritalState(StrEnum):
    SINGLE = "single"
    MARRIED = "married"
    DIVORCED = "divorced"
    WIDOWED = "widowed"


class AttitudeKind(StrEnum):
    """态度性数据: what of the customer's mind was noted."""

    PRODUCT_SATISFACTION = "product_satisfaction"
    SERVICE_SATISFACTION = "service_satisfaction"
    PREFERENCE = "preference"
    INTEREST = "interest"
    OPINION = "opinion"


class OwnerChangeKind(StrEnum):
    """Why a customer has another owner: changed on the card, transferred, allocated, or back in the pool."""

    EDIT = "edit"
    TRANSFER = "transfer"
    ALLOCATION = "allocation"
    RECLAIM = "reclaim"
