"""Forms as a browser reads them: what they would send, and what they say is wrong."""

import re

from werkzeug.test import TestResponse

_NOT_OF_THE_RECORD = {"csrf_token", "theme", "next", "organizations"}


def sent_by(answer: TestResponse) -> dict[str, str]:
    """What the form of a page would send, untouched; boxes and links of several values are left out."""
    fields: dict[str, str] = {}
    for tag in re.findall(r"<input [^>]*>", answer.text):
        name, value = re.search(r'name="(\w+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and value and ('type="radio"' not in tag or " checked" in tag):
            fields[name[1]] = value[1]
    for name, options in re.findall(r'<select [^>]*?name="(\w+)".*?>(.*?)</select>', answer.text, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        fields[name] = chosen[1] if chosen else ""
    return {name: value for name, value in fields.items() if name not in _NOT_OF_THE_RECORD}


def seen(answer: TestResponse) -> dict[str, str]:
    """What the form remembers of the record that it shows."""
    found = re.search(r'name="seen" value="(\w*)"', answer.text)
    assert found
    return {"seen": found[1]}


def messages(answer: TestResponse) -> dict[str, str]:
    """field -> what the page says at it."""
    return dict(re.findall(r'class="field-error" id="(\w+)-error">.*?</svg>(.*?)</div>', answer.text, re.DOTALL))
