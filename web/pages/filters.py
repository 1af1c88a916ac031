"""How dates, durations and numbers are written in the reader's language; None is written as a dash, never as zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal, format_percent

from crm_core.kernel.clock import Clock, SystemClock
from web import i18n

_SYSTEM = SystemClock()
NONE = "–"
Moment = datetime | str | float | int


def as_datetime(value: Moment, zone: tzinfo) -> datetime:
    """Accepts what the core and the API hand around: aware datetimes, ISO texts, epoch seconds."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    elif isinstance(value, int | float):
        value = datetime.fromtimestamp(value, tz=zone)
    return value.astimezone(zone)


def duration(seconds: float | None) -> str:
    """Seconds as 0:06, 4:12 or 1:02:03: the same in both languages, so that columns line up."""
    if seconds is None:
        return NONE
    whole = int(seconds + 0.5)
    minutes, rest = divmod(max(whole, 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def phone(number: str | None) -> str:
    """Groups a mainland mobile number as people read it aloud; masked ones keep their stars; others stay."""
    if not number:
        return ""
    digits = number.removeprefix("+86")
    if len(digits) == 11 and digits.startswith("1"):
        return f"{digits[:3]} {digits[3:7]} {digits[7:]}"
    return number


def initial(name: str | None) -> str:
    """The sign for a person without a picture: the family name's character, or the first letter."""
    return name.strip()[:1].upper() if name and name.strip() else "?"


def number(value: float | None) -> str:
    return NONE if value is None else format_decimal(value, locale=i18n.locale())


def percent(value: float | None) -> str:
    """A ratio between 0 and 1."""
    return NONE if value is None else format_percent(value, format="#,##0.#%", locale=i18n.locale())


def filters(zone: ZoneInfo, clock: Clock = _SYSTEM) -> Mapping[str, Callable[..., str]]:
    """The jinja filters; those that write instants know the business's time zone and what time it is."""

    def present() -> datetime:
        return clock.now().astimezone(zone)

    def when(value: Moment | None) -> str:
        """Time alone for today, day and time otherwise, with the year when it is not this one."""
        if value is None:
            return NONE
        moment, now = as_datetime(value, zone), present()
        if moment.date() == now.date():
            return format_time(moment, "HH:mm:ss", locale=i18n.locale())
        chinese = i18n.language() == "zh"
        shape = "M月d日 HH:mm" if chinese else "d MMM HH:mm"
        if moment.year != now.year:
            shape = "y年M月d日 HH:mm" if chinese else "d MMM y HH:mm"
        return format_datetime(moment, shape, tzinfo=zone, locale=i18n.locale())

    def day(value: date | Moment | None) -> str:
        if value is None:
            return NONE
        plain = value if isinstance(value, date) and not isinstance(value, datetime) else as_datetime(value, zone)
        return format_date(plain, "medium", locale=i18n.locale())

    def time_of_day(value: Moment | None) -> str:
        return NONE if value is None else format_time(as_datetime(value, zone), "HH:mm:ss", locale=i18n.locale())

    def ago(value: Moment | None) -> str:
        """How long ago in days, for "last contact": today, yesterday, 12 days ago."""
        if value is None:
            return i18n.gettext("never")
        days = (present().date() - as_datetime(value, zone).date()) // timedelta(days=1)
        if days <= 0:
            return i18n.gettext("today")
        if days == 1:
            return i18n.gettext("yesterday")
        return i18n.ngettext("%(num)d day ago", "%(num)d days ago", days) % {"num": days}

    def iso(value: Moment | None) -> str:
        return "" if value is None else as_datetime(value, zone).isoformat()

    return {
        "when": when,
        "day": day,
        "clock": time_of_day,
        "ago": ago,
        "iso": iso,
        "duration": duration,
        "phone": phone,
        "initial": initial,
        "number": number,
        "percent": percent,
    }
