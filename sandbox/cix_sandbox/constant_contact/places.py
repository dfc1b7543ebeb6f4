"""Names of places: the service answers with the name where a request has the code."""

from __future__ import annotations

COUNTRIES = {
    "AU": "Australia",
    "CA": "Canada",
    "DE": "Germany",
    "ES": "Spain",
    "FR": "France",
    "GB": "United Kingdom",
    "IE": "Ireland",
    "IT": "Italy",
    "MX": "Mexico",
    "NL": "Netherlands",
    "US": "United States",
}
_STATE_CODES = """
AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|DE Delaware|
DC District of Columbia|FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|IN Indiana|IA Iowa|KS Kansas|
KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts|MI Michigan|MN Minnesota|MS Mississippi|
MO Missouri|MT Montana|NE Nebraska|NV Nevada|NH New Hampshire|NJ New Jersey|NM New Mexico|NY New York|
NC North Carolina|ND North Dakota|OH Ohio|OK Oklahoma|OR Oregon|PA Pennsylvania|RI Rhode Island|
SC South Carolina|SD South Dakota|TN Tennessee|TX Texas|UT Utah|VT Vermont|VA Virginia|WA Washington|
WV West Virginia|WI Wisconsin|WY Wyoming
"""
STATES = dict(entry.split(" ", 1) for entry in _STATE_CODES.replace("\n", "").split("|"))


def with_names(address: dict[str, str]) -> dict[str, str]:
    """Return an address with the names of its country, and of its state in the United States."""
    country = COUNTRIES.get(address.get("country", ""), address.get("country", ""))
    named = {**address, **({"country": country} if country else {})}
    if country == COUNTRIES["US"] and address.get("state") in STATES:
        named["state"] = STATES[address["state"]]
    return named
