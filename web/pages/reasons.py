"""Why a PBX cannot be used or a setting is not allowed, in the reader's language.

It is said in one English sentence with values in it, for logs and programs too: here each is known by its form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from crm_core.kernel.texts import N_
from web.i18n import gettext

_PLACE: Final = re.compile(r"%\((\w+)\)s")
# What stands in %(reason)s may be one of these again; what the PBX or the system says is shown as it is.
SENTENCES: Final = (
    N_("not connected yet"),
    N_("the service stops"),
    N_("the log-in was refused"),
    N_("no challenge was given"),
    N_("no reason given"),
    N_("closed by us"),
    N_("the PBX closed the connection"),
    N_("the connection broke: %(reason)s"),
    N_("the PBX did not answer in time"),
    N_("the PBX has not answered for %(seconds)s s"),
    N_("the PBX cannot be reached: %(reason)s"),
    N_("the PBX's certificate is not trusted: %(reason)s"),
    N_("TLS failed: %(reason)s"),
    N_("The PBX refuses user '%(user)s': %(reason)s"),
    N_("The PBX %(name)s is not connected."),
    N_("The PBX %(name)s did not answer %(action)s in time."),
    N_("No answer: %(reason)s. It was not sent again."),
    N_("Authentication failed"),
    N_("Connection refused"),
    N_("Connection reset by peer"),
    N_("Connection timed out"),
    N_("No route to host"),
    N_("Network is unreachable"),
    N_("Name or service not known"),
    N_("Temporary failure in name resolution"),
    N_("must be a number"),
    N_("must be from %(low)s to %(high)s"),
    N_("must be more than the lower bound"),
    N_("must be text in one line"),
    N_("at most %(count)s characters"),
    N_("must be a list of 1 to %(count)s entries"),
    N_("is there twice"),
    N_("must not be empty"),
    N_("unknown field"),
    N_("cannot be changed afterwards"),
    N_("a label in Chinese or in English is needed"),
    N_("needs at least one entry to choose"),
    N_("only for a field of type choice or multi_choice"),
    N_("a small letter, then small letters, digits and underscores, at most 40"),
    N_("must be %(low)s to %(high)s"),
    N_("must be a list of at most %(count)s entries"),
    N_("%(code)s is there twice"),
    N_("is taken"),
    N_("must be more than the days to stopped"),
    N_("must be %(count)s numbers"),
    N_("must be %(count)s amounts"),
    N_("each must be more than the one before"),
    N_("letters and digits, at most 20"),
    N_("must be text in one line, at most %(count)s characters"),
    N_("has 18 digits, or 15 when it is an old one"),
    N_("holds something that is no digit"),
    N_("begins with no place that issues ID cards"),
    N_("holds a day of birth that does not exist"),
    N_("its last digit does not fit the others: one of them is wrong"),
    N_("was damaged by a spreadsheet: type it again from the card"),
    N_("contradicts the ID card"),
    N_("a day needs its month"),
    N_("only the lunar calendar has leap months"),
    N_("there is no such day"),
    N_("lies in the future"),
    N_("a lunar month has at most 30 days"),
    N_("this lunar year has no such leap month"),
    N_("this lunar month has no 30th day"),
    N_("another customer has it"),
    N_("an organisation has no ID card"),
    N_("is no e-mail address"),
    N_("is no phone number"),
    N_("there is no such customer"),
    N_("is the customer himself"),
    N_("is noted already"),
    N_("must be a date"),
    N_("must be a whole number"),
    N_("holds several numbers: give each a field of its own"),
    N_("“%(number)s” is not a phone number: %(reason)s"),
    N_("it has no digits."),
    N_("it holds other characters than digits."),
    N_("a mobile number has 11 digits, this one %(count)s."),
    N_("it does not fit the area code %(code)s."),
    N_("%(count)s digits are too few."),
    N_("no number in use has these %(count)s digits."),
    N_("The phone number is empty."),
    N_("was given before and is never given again"),
    N_("has 1 to 20 characters"),
    N_("numbers of this form are given by the house alone"),
    N_("there is no such province"),
    N_("there is no such city in this province"),
    N_("there is no such district in this city"),
    N_("has 18 digits and letters"),
    N_("holds a character that no credit code has"),
    N_("its last character does not fit the others: one of them is wrong"),
    N_("is no ID card number"),
    N_("must be text"),
    N_("must be true or false"),
    N_("must be one of %(values)s"),
    N_("has to be one of %(values)s"),
    N_("too long"),
    N_("out of range"),
    N_("in the future"),
    N_("is missing"),
    N_("%(low)s to %(high)s characters"),
    N_("%(low)s to %(high)s days from the first on"),
    N_("%(low)s to %(high)s days"),
    N_("%(low)s to %(high)s"),
    N_("today to a year from now"),
    N_("you are one of them"),
    N_("several departments"),
    N_("the same customer"),
    N_("is not active"),
    N_("is not known"),
    N_("there is no such user"),
    N_("there is no such department"),
)


def _form(sentence: str) -> re.Pattern[str]:
    parts = _PLACE.split(sentence)  # text, name, text, name, …, text
    pattern = "".join(re.escape(part) if n % 2 == 0 else f"(?P<{part}>.+?)" for n, part in enumerate(parts))
    return re.compile(pattern, re.DOTALL)


_FORMS: Final[Mapping[str, re.Pattern[str]]] = {sentence: _form(sentence) for sentence in SENTENCES}


def reason(text: str) -> str:
    """The sentence in the reader's language; one of unknown form is shown as it is."""
    for sentence, form in _FORMS.items():
        found = form.fullmatch(text)
        if found is not None:
            values = found.groupdict()
            if "reason" in values:
                values["reason"] = reason(values["reason"])
            return gettext(sentence) % values
    return text
