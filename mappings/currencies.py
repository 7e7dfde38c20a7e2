"""Currencies and their exponents, frozen from ISO 4217.

Source: ISO 4217 list one, published 2026-01-01, as packaged in `iso4217` 1.16.20260101 (a test compares).
Currencies only: codes without a minor unit (gold, special drawing rights, "no currency") are no money here, and a
retired code is unknown. Locale data is not a source: it differs from the standard for 13 currencies.
"""

from __future__ import annotations

from typing import Final

PUBLISHED: Final = "2026-01-01"

NO_CURRENCY: Final = "XXX"
"""ISO 4217's code for no currency: what records are counted under whose currency cannot be read."""

_CODES_BY_EXPONENT: Final = {
    0: ("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF "),
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN "
        "BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD "
        "FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW "
        "KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR "
        "MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG "
        "SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD "
        "USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG "
    ),
    3: ("BHD IQD JOD KWD LYD OMR TND "),
    4: ("CLF UYW "),
}

EXPONENTS: Final[dict[str, int]] = {
    code: exponent for exponent, codes in _CODES_BY_EXPONENT.items() for code in codes.split()
}
"""Alphabetic code, upper case -> number of decimal places of the minor unit (JPY 0, USD 2, KWD 3, CLF 4)."""
