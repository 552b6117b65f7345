"""The list of common passwords: how long it is, and that it is read only where somebody chooses one."""

import subprocess
import sys

import pytest

from sisportal.config import PROJECT
from sisportal.roster.passwords import is_easily_guessed
from sisportal.syncing.administrators import SHORTEST_PASSWORD, Refused, check_chosen
from sisportal.syncing.common_passwords import _lists, common_words


def test_more_than_the_3000_most_common_passwords_of_our_length_are_refused() -> None:
    usable = [password for password in _lists()["passwords"] if len(password) >= SHORTEST_PASSWORD]
    assert len(usable) > 11_000
    assert [password for password in usable if password not in common_words()] == []
    for step, password in enumerate(usable):
        spelt = (password, password.upper(), password.title())[step % 3]
        assert is_easily_guessed(spelt, (), common_words()), spelt


@pytest.mark.parametrize(
    "password", ["Basketball1!", "chocolate", "Michael2026", "3lizabeth", "thunderbolt99", "q1w2e3r4"]
)
def test_a_common_word_or_name_with_a_few_digits_and_signs_is_refused(password: str) -> None:
    with pytest.raises(Refused, match="guessed easily"):
        check_chosen(password, (), lambda _: False)


def test_what_was_stolen_elsewhere_is_refused_and_said_to_be() -> None:
    check_chosen("correct horse battery", (), lambda _: False)
    with pytest.raises(Refused, match="stolen somewhere"):
        check_chosen("correct horse battery", (), lambda _: True)


def test_neither_a_worker_nor_a_page_reads_the_list_before_somebody_chooses_a_password() -> None:
    code = (
        "import jobs.sync, jobs.worker, sisportal.factory, sys\n"
        "from sisportal.syncing.common_passwords import common_words as words\n"
        "assert words.cache_info().currsize == 0\n"
        "assert not [name for name in sys.modules if name.startswith('zxcvbn')]\n"
        "words()\n"
        "assert not [name for name in sys.modules if name.startswith('zxcvbn')]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
