"""Which company at the financier a counterparty may be: by tax id, by name, each suggestion with its reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from connector.financier import RemoteCompany
from connector.store.companies import CounterpartyRow

LEAST_ALIKE = 80
"""Names less alike than this (of 100) are not suggested."""
MOST = 3

_LEGAL_FORMS = frozenset(
    [
        "ag",
        "bv",
        "co",
        "company",
        "corp",
        "corporation",
        "gmbh",
        "inc",
        "incorporated",
        "kg",
        "limited",
        "llc",
        "llp",
        "ltd",
        "nv",
        "oy",
        "plc",
        "pte",
        "pty",
        "sa",
        "sarl",
        "sas",
        "se",
        "srl",
    ]
)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A company and why it may be the one. `is_sure`: by an identifier, not by likeness."""

    company_id: str
    name: str
    country: str | None
    reason: str
    is_sure: bool = False


def plain_name(name: str) -> str:
    """A name without capitals, punctuation and legal form, for comparing."""
    words = [word.casefold() for word in _WORD.findall(name.replace(".", ""))]
    kept = [word for word in words if word not in _LEGAL_FORMS]
    return " ".join(kept or words)


def plain_tax_id(tax_id: str | None) -> str | None:
    """A tax id without spaces and punctuation; None where nothing is left."""
    found = "".join(_WORD.findall(tax_id or "")).casefold()
    return found or None


class Suggesting:
    """Suggests among the companies of one financier."""

    def __init__(
        self, companies: Sequence[RemoteCompany], known_tax_ids: Mapping[str, tuple[str, str]]
    ) -> None:
        """`known_tax_ids`: by plain tax id, the company that a counterparty of that tax id is linked to already, and the
        counterparty's name."""
        self._companies = {company.company_id: company for company in companies}
        self._names = {each.company_id: plain_name(each.name) for each in companies}
        self._known_tax_ids = known_tax_ids

    def of(self, row: CounterpartyRow) -> list[Suggestion]:
        """The best first; empty where nothing is alike enough."""
        found: dict[str, Suggestion] = {}
        known = self._known_tax_ids.get(plain_tax_id(row.tax_id) or "")
        if known is not None and known[0] in self._companies:
            company = self._companies[known[0]]
            found[company.company_id] = Suggestion(
                company.company_id,
                company.name,
                company.country,
                f"same tax id as {known[1]}, which is linked to it",
                is_sure=True,
            )
        name = plain_name(row.name)
        for _, score, company_id in process.extract(
            name, self._names, scorer=fuzz.token_sort_ratio, limit=MOST, score_cutoff=LEAST_ALIKE
        ):
            if company_id not in found:
                found[company_id] = self._by_name(row, self._companies[company_id], int(score))
        return list(found.values())[:MOST]

    def _by_name(self, row: CounterpartyRow, company: RemoteCompany, alike: int) -> Suggestion:
        reason = "same name" if alike == 100 else f"name {alike} % alike"
        if row.country and company.country:
            same = row.country == company.country
            reason += ", same country" if same else f", but in {company.country}, not {row.country}"
        return Suggestion(company.company_id, company.name, company.country, reason)
