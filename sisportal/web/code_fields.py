"""How fields for codes behave on a telephone and with what fills in codes."""

LONGEST = 40
CODE = {"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}
RECOVERY = {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
