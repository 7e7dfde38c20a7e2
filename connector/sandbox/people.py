"""Made-up companies from a seed: the same seed gives the same companies on every platform of the sandbox."""

from __future__ import annotations

import hashlib
import random
import string
import uuid
from dataclasses import dataclass

_FIRST = (
    "Alder",
    "Birch",
    "Cobalt",
    "Delta",
    "Ember",
    "Fjord",
    "Granite",
    "Harbor",
    "Indigo",
    "Juniper",
    "Keystone",
    "Larch",
    "Meridian",
    "Northgate",
    "Orchard",
    "Pioneer",
    "Quarry",
    "Redwood",
    "Summit",
    "Timber",
    "Café Zoé",
    "Grünwald",
    "Łódź",
    "São Bento",
    "日本橋",
    "مؤسسة النور",
    "Ångström",
    "O'Hara & Sons",
)
_SECOND = (
    "Foods",
    "Logistics",
    "Paper",
    "Steel",
    "Textiles",
    "Packaging",
    "Farms",
    "Tools",
    "Chemicals",
    "Electric",
    "Glass",
    "Printing",
    "Freight",
    "Seeds",
    "Machines",
    "Optics",
    "Plastics",
    "Dairy",
    "Lumber",
    "Supply",
)
_PLACES = (
    ("Springfield", "IL", "62701", "US"),
    ("Austin", "TX", "73301", "US"),
    ("Portland", "OR", "97201", "US"),
    ("Albany", "NY", "12201", "US"),
    ("Denver", "CO", "80201", "US"),
    ("Toronto", "ON", "M5H 2N2", "CA"),
    ("Vancouver", "BC", "V5K 0A1", "CA"),
    ("Montréal", "QC", "H2Y 1C6", "CA"),
)
_PEOPLE = (
    "Ada Quinn",
    "Björn Lind",
    "Chloé Martin",
    "Dov Katz",
    "Eve Ong",
    "Farid Nasser",
    "Gia Rossi",
)


@dataclass(frozen=True, slots=True)
class Company:
    """A made-up company; `country` is ISO 3166-1 alpha-2."""

    name: str
    street: str
    city: str
    state: str
    postal_code: str
    country: str
    person: str
    email: str
    phone: str


def companies(seed: int, count: int) -> list[Company]:
    """`count` different companies; the first ones are the same whatever the count."""
    dice = random.Random(f"companies:{seed}")
    made: dict[str, Company] = {}
    while len(made) < count:
        base = f"{dice.choice(_FIRST)} {dice.choice(_SECOND)}"
        city, state, postal_code, country = dice.choice(_PLACES)
        number, person = dice.randrange(1, 999), dice.choice(_PEOPLE)
        name = base if base not in made else f"{base} {len(made) + 1}"
        made[name] = Company(
            name=name,
            street=f"{number} Market Street",
            city=city,
            state=state,
            postal_code=postal_code,
            country=country,
            person=person,
            email=f"invoices{len(made) + 1}@example.com",
            phone=f"+1 555 01{dice.randrange(100):02d}",
        )
    return list(made.values())


def made_up_id(seed: int, kind: str, number: int, length: int = 14) -> str:
    """An identifier of letters and digits: the same for the same seed, kind and number."""
    alphabet = string.ascii_letters + string.digits
    value = int.from_bytes(hashlib.sha256(f"{seed}:{kind}:{number}".encode()).digest(), "big")
    letters = []
    for _ in range(length):
        value, rest = divmod(value, len(alphabet))
        letters.append(alphabet[rest])
    return "".join(letters)


def made_up_uuid(platform: str, seed: int, kind: str, number: int) -> str:
    """A UUID: the same for the same platform, seed, kind and number."""
    digest = hashlib.sha256(f"{platform}:{seed}:{kind}:{number}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def draw(seed: int, what: str) -> int:
    """A number from 0 to 99 that depends on nothing but the seed and `what`."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{what}".encode()).digest()[:8], "big") % 100
