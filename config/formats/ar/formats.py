"""Arabic dates and figures. The digits are Western: so they are in what models write."""

DATE_FORMAT = "j M Y"
DATETIME_FORMAT = "j M Y، H:i"
SHORT_DATETIME_FORMAT = "j M، H:i"
TIME_FORMAT = "H:i"
DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
