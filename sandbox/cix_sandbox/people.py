"""Made-up people with the quirks of real profiles.

A person is a pure function of a seed and a number, so that any number of them needs no memory.
"""

from __future__ import annotations

import struct
from datetime import date, timedelta
from hashlib import blake2b
from typing import NamedTuple


def _pairs(text: str) -> list[tuple[str, str]]:
    """Read `Müller mueller|Smith smith` as pairs: a name, and how it looks in an address."""
    entries = (entry.strip().rpartition(" ") for entry in text.replace("\n", "").split("|"))
    return [(name, in_address) for name, _, in_address in entries]


FIRST_NAMES = _pairs("""
Anna anna|Ben ben|Chloé chloe|David david|Elif elif|Farid farid|Grace grace|Håkon hakon|Ines ines|
Jürgen juergen|Katarzyna katarzyna|Liam liam|María maria|Noah noah|Olga olga|Priya priya|
Quentin quentin|Rosa rosa|Søren soren|Thandiwe thandiwe|Umar umar|Victoria victoria|Wei wei|
Zoë zoe|美咲 misaki|小明 xiaoming|Дмитрий dmitri|Ελένη eleni|يوسف yusuf|नेहा neha|지우 jiwoo|שרה sara
""")
LAST_NAMES = _pairs("""
Adler adler|Brown brown|Castillo castillo|Dubois dubois|Ekström ekstrom|Ferreira ferreira|
García garcia|Hansen hansen|Ito ito|Jones jones|Kowalski kowalski|Larsen larsen|Müller mueller|
Nguyen nguyen|O'Brien obrien|Petrov petrov|Quiroga quiroga|Rossi rossi|Smith smith|Tanaka tanaka|
Usman usman|van den Berg vandenberg|Weiß weiss|Çelik celik|佐藤 sato|王 wang|Иванов ivanov|
Παπαδόπουλος papadopoulos|الأحمد alahmad|शर्मा sharma|김 kim|כהן cohen
""")
PLACES = (
    ("Berlin", "Germany"),
    ("Washington, D.C.", "United States"),
    ("São Paulo", "Brazil"),
    ("Paris", "France"),
    ("東京", "Japan"),
    ("Kraków", "Poland"),
    ("London", "United Kingdom"),
    ("Québec", "Canada"),
    ("İstanbul", "Türkiye"),
    ("Athina", "Greece"),
    ("", "Norway"),
    ("Sydney", "Australia"),
    ("Mumbai", "India"),
    ("Lagos", "Nigeria"),
    ("Roma", "Italy"),
)
DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com")
MALFORMED = ("{}.example.com", "{}@", "{}@@example.org", "@example.net", "{} at example.com", "n/a")
EMAIL_QUIRKS = {0: "missing", 1: "missing", 2: "malformed", 3: "malformed", 4: "blanks"}
"""What is wrong with an address, for a draw out of 64; anything else is a good address."""
NAME_QUIRKS = {0: "quotes", 1: "line break"}
"""What is unusual in a name, for a draw out of 64."""
HOUSEHOLD = 50
"""The last two of every 50 people share an address, every other time in capitals."""

_LAST_DAY = date(2026, 11, 19)
_PURCHASE_DAYS = [(_LAST_DAY - timedelta(days=n)).isoformat() for n in range(1461)]
_BIRTH_DAYS = [(date(1940, 1, 1) + timedelta(days=n)).isoformat() for n in range(365 * 66)]
_DRAWS = struct.Struct("<16I")
_FORMER_LIFE = 10**12
"""Distance in the numbering between a person and the profile that was merged into theirs."""


class Person(NamedTuple):
    """One unified profile.

    Attributes:
        values: The columns as the CSV holds them: CustomerId, PreviousCustomerId, FirstName,
            LastName, FullName, EMail, City, Country, LoyaltyPoints, LifetimeValue, LastPurchase,
            IsVip, BirthDate.
        email: The address as the profile holds it; may be empty or malformed.
        has_own_email: Whether the address is well-formed and no other profile has it.
        first_name: First name.
        last_name: Last name.
        full_name: First and last name.
        lots: Two numbers from 0 to 99 that decide on membership in segments.
    """

    values: tuple[str, ...]
    email: str
    has_own_email: bool
    first_name: str
    last_name: str
    full_name: str
    lots: tuple[int, int]


def person(seed: int, number: int) -> Person:
    """Make up a person.

    Args:
        seed: Chooses the world.
        number: Which person of it, from 0.

    Returns:
        The person, always the same for the same arguments.
    """
    draws = _draw(seed, number)
    first, last, full_name = _name(draws)
    email, has_own_email = _email(seed, number, draws)
    city, country = PLACES[draws[5] % len(PLACES)]
    spent = draws[8] % 90_000_000
    values = (
        _customer_id(draws),
        "" if draws[6] % 50 else _customer_id(_draw(seed, number + _FORMER_LIFE)),
        first,
        last,
        full_name,
        email,
        city,
        country,
        str(draws[7] % 25_000) if draws[7] % 32 else "",
        f"{spent // 10_000}.{spent % 10_000:04}",
        _moment(draws[9]) if draws[9] % 10 else "",
        "false" if draws[10] % 8 else "true",
        _BIRTH_DAYS[draws[11] % len(_BIRTH_DAYS)] if draws[11] % 4 else "",
    )
    lots = (draws[3] % 100, draws[4] % 100)
    return Person(values, email, has_own_email, first, last, full_name, lots)


def _draw(seed: int, number: int) -> tuple[int, ...]:
    return _DRAWS.unpack(blake2b(b"%d/%d" % (seed, number), digest_size=64).digest())


def _customer_id(draws: tuple[int, ...]) -> str:
    return f"{draws[12]:08x}{draws[13]:08x}{draws[14]:08x}{draws[15]:08x}"


def _name(draws: tuple[int, ...]) -> tuple[str, str, str]:
    first, last = FIRST_NAMES[draws[0] % 32][0], LAST_NAMES[draws[1] % 32][0]
    quirk = NAME_QUIRKS.get(draws[2] % 64)
    if quirk == "quotes":
        first = f'{first} "Lucky"'
    return first, last, f"{first}\n{last}" if quirk == "line break" else f"{first} {last}"


def _moment(draw: int) -> str:
    day = _PURCHASE_DAYS[draw % len(_PURCHASE_DAYS)]
    return f"{day}T{draw // 64 % 24:02}:{draw // 4096 % 60:02}:{draw % 60:02}Z"


def _email(seed: int, number: int, draws: tuple[int, ...]) -> tuple[str, bool]:
    """Return the address, and whether it is well-formed and nobody else's."""
    if (number + 1) % HOUSEHOLD == 0:
        shared = _address(number - 1, _draw(seed, number - 1))
        return (shared.upper() if number // HOUSEHOLD % 2 else shared), False
    if (number + 2) % HOUSEHOLD == 0:
        return _address(number, draws), False
    quirk = EMAIL_QUIRKS.get(draws[2] // 64 % 64)
    if quirk == "missing":
        return "", False
    if quirk == "malformed":
        return MALFORMED[draws[4] // 128 % 6].format(FIRST_NAMES[draws[0] % 32][1]), False
    if quirk == "blanks":
        return f" {_address(number, draws)} ", False
    return _address(number, draws), True


def _address(number: int, draws: tuple[int, ...]) -> str:
    first, last = FIRST_NAMES[draws[0] % 32][1], LAST_NAMES[draws[1] % 32][1]
    return f"{first}.{last}.{number}@{DOMAINS[draws[3] // 128 % 4]}"
