"""Who is the same person by number and full name, so that a whole school of them can be decided at once (SPEC 6.3).

A SIS that remakes its records, as after a change of its vendor, gives everybody another id and leaves the rest as it was.
"""

from sisportal.roster.matching_people import Candidate, held_values, match_value, number_is_sis_id
from sisportal.roster.options import Options
from sisportal.roster.records import Person, Role
from sisportal.roster.text import folded


def agrees(person: Person, held: Candidate, options: Options) -> bool:
    """Whether number, or the key of the options, and full name are equal, and nothing else that is known speaks against it.

    Against it: another number, state ID or day of birth, or an account that was archived. A blank says nothing.
    """
    if person.role != held.role or person.archived or held.archived or not _same_name(person, held):
        return False
    number = _number(held, person, options)
    pairs = ((person.number, number), (person.state_id, held.state_id), (person.birth_date, held.birth_date))
    if any(one and other and folded(one) != folded(other) for one, other in pairs):
        return False
    same_number = bool(folded(person.number)) and folded(person.number) == folded(number)
    return same_number or match_value(person, options) in held_values(held, options)


def _same_name(person: Person, held: Candidate) -> bool:
    name = (folded(person.first_name), folded(person.last_name))
    return any(name) and name == (folded(held.first_name), folded(held.last_name))


def _number(held: Candidate, person: Person, options: Options) -> str:
    own = held.teacher_id if person.role is Role.TEACHER else held.student_id
    return (held.sis_id or own) if number_is_sis_id(person.role, options) else own
