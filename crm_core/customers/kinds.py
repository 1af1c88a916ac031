"""What kinds of customers, birthdays and numbers there are; pure, for tables and rules alike."""

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
