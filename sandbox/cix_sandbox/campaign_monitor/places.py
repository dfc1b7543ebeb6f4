"""Names that the service knows: countries, states of the USA, time zones."""

from __future__ import annotations


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


COUNTRIES = _lines("""
    Afghanistan
    Albania
    Algeria
    American Samoa
    Andorra
    Angola
    Anguilla
    Antigua & Barbuda
    Argentina
    Armenia
    Aruba
    Australia
    Austria
    Azerbaijan
    Bahamas
    Bahrain
    Bangladesh
    Barbados
    Belarus
    Belgium
    Belize
    Benin
    Bermuda
    Bhutan
    Bolivia
    Bosnia & Herzegovina
    Botswana
    Brazil
    British Virgin Islands
    Brunei
    Bulgaria
    Burkina Faso
    Burundi
    Cambodia
    Cameroon
    Canada
    Cape Verde
    Cayman Islands
    Central African Republic
    Chad
    Chile
    China
    Colombia
    Comoros
    Congo
    Congo (Democratic Republic)
    Cook Islands
    Costa Rica
    Cote d'Ivoire
    Croatia
    Cuba
    Cyprus
    Czech Republic
    Denmark
    Djibouti
    Dominica
    Dominican Republic
    East Timor
    Ecuador
    Egypt
    El Salvador
    Equatorial Guinea
    Eritrea
    Estonia
    Eswatini
    Ethiopia
    Falkland Islands
    Faroe Islands
    Fiji
    Finland
    France
    French Guiana
    French Polynesia
    Gabon
    Gambia
    Georgia
    Germany
    Ghana
    Gibraltar
    Greece
    Greenland
    Grenada
    Guadeloupe
    Guam
    Guatemala
    Guernsey
    Guinea
    Guinea-Bissau
    Guyana
    Haiti
    Honduras
    Hong Kong
    Hungary
    Iceland
    India
    Indonesia
    Iran
    Iraq
    Ireland
    Isle of Man
    Israel
    Italy
    Jamaica
    Japan
    Jersey
    Jordan
    Kazakhstan
    Kenya
    Kiribati
    Kosovo
    Kuwait
    Kyrgyzstan
    Laos
    Latvia
    Lebanon
    Lesotho
    Liberia
    Libya
    Liechtenstein
    Lithuania
    Luxembourg
    Macau
    Madagascar
    Malawi
    Malaysia
    Maldives
    Mali
    Malta
    Marshall Islands
    Martinique
    Mauritania
    Mauritius
    Mayotte
    Mexico
    Micronesia
    Moldova
    Monaco
    Mongolia
    Montenegro
    Montserrat
    Morocco
    Mozambique
    Myanmar
    Namibia
    Nauru
    Nepal
    Netherlands
    New Caledonia
    New Zealand
    Nicaragua
    Niger
    Nigeria
    Niue
    Norfolk Island
    North Korea
    North Macedonia
    Northern Mariana Islands
    Norway
    Oman
    Pakistan
    Palau
    Palestine
    Panama
    Papua New Guinea
    Paraguay
    Peru
    Philippines
    Poland
    Portugal
    Puerto Rico
    Qatar
    Reunion
    Romania
    Russia
    Rwanda
    Saint Helena
    Saint Kitts & Nevis
    Saint Lucia
    Saint Pierre & Miquelon
    Saint Vincent & the Grenadines
    Samoa
    San Marino
    Sao Tome & Principe
    Saudi Arabia
    Senegal
    Serbia
    Seychelles
    Sierra Leone
    Singapore
    Slovakia
    Slovenia
    Solomon Islands
    Somalia
    South Africa
    South Korea
    South Sudan
    Spain
    Sri Lanka
    Sudan
    Suriname
    Sweden
    Switzerland
    Syria
    Taiwan
    Tajikistan
    Tanzania
    Thailand
    Togo
    Tokelau
    Tonga
    Trinidad & Tobago
    Tunisia
    Turkey
    Turkmenistan
    Turks & Caicos Islands
    Tuvalu
    Uganda
    Ukraine
    United Arab Emirates
    United Kingdom
    United States of America
    Uruguay
    US Virgin Islands
    Uzbekistan
    Vanuatu
    Vatican City
    Venezuela
    Vietnam
    Wallis & Futuna
    Yemen
    Zambia
    Zimbabwe
""")

US_STATES = _lines("""
    Alabama
    Alaska
    Arizona
    Arkansas
    California
    Colorado
    Connecticut
    Delaware
    District of Columbia
    Florida
    Georgia
    Hawaii
    Idaho
    Illinois
    Indiana
    Iowa
    Kansas
    Kentucky
    Louisiana
    Maine
    Maryland
    Massachusetts
    Michigan
    Minnesota
    Mississippi
    Missouri
    Montana
    Nebraska
    Nevada
    New Hampshire
    New Jersey
    New Mexico
    New York
    North Carolina
    North Dakota
    Ohio
    Oklahoma
    Oregon
    Pennsylvania
    Rhode Island
    South Carolina
    South Dakota
    Tennessee
    Texas
    Utah
    Vermont
    Virginia
    Washington
    West Virginia
    Wisconsin
    Wyoming
""")

UTC_ZONE = "(GMT) Coordinated Universal Time"
"""Time zone of the ready accounts; the stand-in's dates are always in UTC."""

TIME_ZONES = _lines(f"""
    (GMT-12:00) International Date Line West
    (GMT-10:00) Hawaii
    (GMT-09:00) Alaska
    (GMT-08:00) Pacific Time (US & Canada)
    (GMT-07:00) Mountain Time (US & Canada)
    (GMT-06:00) Central Time (US & Canada)
    (GMT-05:00) Eastern Time (US & Canada)
    (GMT-04:00) Atlantic Time (Canada)
    (GMT-03:30) Newfoundland
    (GMT-03:00) Buenos Aires
    (GMT-01:00) Azores
    {UTC_ZONE}
    (GMT+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna
    (GMT+02:00) Athens, Bucharest
    (GMT+03:00) Nairobi
    (GMT+03:30) Tehran
    (GMT+04:00) Abu Dhabi, Muscat
    (GMT+05:00) Islamabad, Karachi
    (GMT+05:30) Chennai, Kolkata, Mumbai, New Delhi
    (GMT+06:00) Dhaka
    (GMT+07:00) Bangkok, Hanoi, Jakarta
    (GMT+08:00) Beijing, Chongqing, Hong Kong, Urumqi
    (GMT+09:00) Osaka, Sapporo, Tokyo
    (GMT+09:30) Adelaide
    (GMT+10:00) Canberra, Melbourne, Sydney
    (GMT+12:00) Auckland, Wellington
""")
