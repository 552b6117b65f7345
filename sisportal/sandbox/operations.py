"""What can be done to a sandbox from its page and over its control API: one value each, so that a file can repeat them."""

from typing import TYPE_CHECKING, Annotated

import msgspec

from sisportal.sandbox import edits
from sisportal.sandbox.days import pass_day, told

if TYPE_CHECKING:
    from sisportal.sandbox.service import Sandbox

Outcome = dict[str, object]


class Operation(msgspec.Struct, tag_field="do", forbid_unknown_fields=True, omit_defaults=True):
    """Something to do; ``do`` names it in JSON."""

    def apply(self, sandbox: "Sandbox") -> Outcome:
        """Do it, and tell the differences that it made."""
        sandbox.district.settle()
        outcome = self.perform(sandbox) or {}
        return {"differences": told(sandbox.district.settle()), **outcome}

    def perform(self, sandbox: "Sandbox") -> Outcome | None:
        """The doing itself; KeyError for an id that is not there."""
        raise NotImplementedError


class PassDay(Operation, tag="pass-day"):
    """Let days pass."""

    days: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    seed: int | None = None
    pace: float = 1.0

    def perform(self, sandbox: "Sandbox") -> Outcome:
        """The days with their happenings and differences."""
        passed = [pass_day(sandbox.district, seed=self.seed, pace=self.pace) for _ in range(self.days)]
        return {"days": [day.summary() for day in passed], "differences": told(passed[-1].differences)}


class Leave(Operation, tag="leave"):
    """People leave."""

    ids: list[str]

    def perform(self, sandbox: "Sandbox") -> None:
        """They are gone from sections too."""
        edits.leave(sandbox.district, *self.ids)


class ComeBack(Operation, tag="come-back"):
    """People who left come back: those named, or everybody."""

    ids: list[str] = []

    def perform(self, sandbox: "Sandbox") -> None:
        """With the ids that they had."""
        edits.come_back(sandbox.district, *(self.ids or sorted(sandbox.district.departed)))


class MassDelete(Operation, tag="mass-delete"):
    """A share of all students leaves at once."""

    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.3
    seed: int = 0

    def perform(self, sandbox: "Sandbox") -> None:
        """Undone by ``come-back``."""
        edits.mass_delete(sandbox.district, self.share, self.seed)


class RenamePerson(Operation, tag="rename-person"):
    """A person has another name."""

    id: str
    first: str | None = None
    last: str | None = None

    def perform(self, sandbox: "Sandbox") -> None:
        """What is left out stays."""
        edits.rename_person(sandbox.district, self.id, first=self.first, last=self.last)


class ChangeEmail(Operation, tag="change-email"):
    """A person has another e-mail address, or none."""

    id: str
    email: str | None = None

    def perform(self, sandbox: "Sandbox") -> None:
        """The id stays; see ``split-user``."""
        edits.change_email(sandbox.district, self.id, self.email)


class SplitUser(Operation, tag="split-user"):
    """An employee's new e-mail address makes a new user of them."""

    id: str
    email: str

    def perform(self, sandbox: "Sandbox") -> Outcome:
        """The new user's id."""
        return {"id": edits.split_user(sandbox.district, self.id, self.email).id}


class RemakeIds(Operation, tag="remake-ids"):
    """Every student and teacher has another id, as after a change of the SIS's vendor."""

    def perform(self, sandbox: "Sandbox") -> Outcome:
        """How many."""
        return {"people": len(edits.remake_ids(sandbox.district))}


class MoveStudent(Operation, tag="move-student"):
    """A student changes school."""

    id: str
    school: str

    def perform(self, sandbox: "Sandbox") -> None:
        """And sections."""
        edits.move_student(sandbox.district, self.id, self.school)


class RenameSection(Operation, tag="rename-section"):
    """A section has another name."""

    id: str
    name: str

    def perform(self, sandbox: "Sandbox") -> None:
        """Nothing else changes."""
        edits.rename_section(sandbox.district, self.id, self.name)


class Enrol(Operation, tag="enrol"):
    """A student attends a section from now on."""

    section: str
    student: str

    def perform(self, sandbox: "Sandbox") -> None:
        """Attending it already changes nothing."""
        edits.enrol(sandbox.district, self.section, self.student)


class Withdraw(Operation, tag="withdraw"):
    """A student no longer attends a section."""

    section: str
    student: str

    def perform(self, sandbox: "Sandbox") -> None:
        """They stay in the district."""
        edits.withdraw(sandbox.district, self.section, self.student)


class DropSection(Operation, tag="drop-section"):
    """A section is gone."""

    id: str

    def perform(self, sandbox: "Sandbox") -> None:
        """Its people stay."""
        edits.drop_section(sandbox.district, self.id)


class RecreateTerms(Operation, tag="recreate-terms"):
    """Every term is deleted and made again with a new id."""

    def perform(self, sandbox: "Sandbox") -> None:
        """Sections name the new ones."""
        for id_ in list(sandbox.district.terms.ids):
            edits.recreate_term(sandbox.district, id_)


class RecreateCourses(Operation, tag="recreate-courses"):
    """Every course is deleted and made again with a new id."""

    def perform(self, sandbox: "Sandbox") -> None:
        """Sections name the new ones."""
        for id_ in list(sandbox.district.courses.ids):
            edits.recreate_course(sandbox.district, id_)


class StopTeaching(Operation, tag="stop-teaching"):
    """A teacher with another role keeps that one only."""

    id: str

    def perform(self, sandbox: "Sandbox") -> None:
        """Their sections go on without them."""
        edits.stop_teaching(sandbox.district, self.id)


class ChangeCourse(Operation, tag="change-course"):
    """A course has another name or number."""

    id: str
    name: str | None = None
    number: str | None = None

    def perform(self, sandbox: "Sandbox") -> None:
        """The id stays; see ``recreate-courses``."""
        edits.change_course(sandbox.district, self.id, name=self.name, number=self.number)


class ChangeTerm(Operation, tag="change-term"):
    """A term begins or ends on another day."""

    id: str
    start: str | None = None
    finish: str | None = None

    def perform(self, sandbox: "Sandbox") -> None:
        """The id stays; see ``recreate-terms``."""
        edits.change_term(sandbox.district, self.id, start=self.start, finish=self.finish)


class SwitchEvents(Operation, tag="switch-events"):
    """Events are switched on or off for the application."""

    on: bool

    def perform(self, sandbox: "Sandbox") -> None:
        """Those that are there already stay; what happens while they are off is never told."""
        sandbox.district.feed.enabled = self.on


class UnshareSchool(Operation, tag="unshare-school"):
    """The district no longer shares a school."""

    id: str

    def perform(self, sandbox: "Sandbox") -> None:
        """Undone by ``share-school``."""
        edits.unshare_school(sandbox.district, self.id)


class ShareSchool(Operation, tag="share-school"):
    """The district shares a school again: the one named, or all."""

    id: str = ""

    def perform(self, sandbox: "Sandbox") -> None:
        """Everything is back as it was."""
        for id_ in [self.id] if self.id else sorted(sandbox.district.unshared):
            edits.share_school(sandbox.district, id_)


class SetState(Operation, tag="set-state"):
    """What the district says of itself."""

    state: str
    error: str = ""

    def perform(self, sandbox: "Sandbox") -> None:
        """``running``, ``pending``, ``error``, ``paused``, ``success`` or blank."""
        edits.set_state(sandbox.district, self.state, self.error)


class RotateToken(Operation, tag="rotate-token"):
    """The district's token is replaced; the old one is refused."""

    def perform(self, sandbox: "Sandbox") -> Outcome:
        """The new token."""
        return {"token": sandbox.access.rotate()}


class Register(Operation, tag="register"):
    """The application's registration: where sign-in may lead, the primary address first, and whether it gets id_tokens."""

    redirect_uris: list[str] | None = None
    oidc: bool | None = None

    def perform(self, sandbox: "Sandbox") -> None:
        """What is left out stays."""
        if self.redirect_uris is not None:
            sandbox.login.redirect_uris = list(self.redirect_uris)
        if self.oidc is not None:
            sandbox.login.oidc = self.oidc


class UseProfile(Operation, tag="use-profile"):
    """OneRoster behaves as the profile of that name."""

    name: str

    def perform(self, sandbox: "Sandbox") -> None:
        """See ``oneroster_profiles``; what the district holds stays the same."""
        sandbox.oneroster.use(self.name)


AnyOperation = (
    PassDay | Leave | ComeBack | MassDelete | RenamePerson | ChangeEmail | SplitUser | MoveStudent | RenameSection | Enrol
    | RemakeIds | Withdraw | DropSection | RecreateTerms | RecreateCourses | UnshareSchool | ShareSchool | SetState | RotateToken
    | StopTeaching | ChangeCourse | ChangeTerm | SwitchEvents | Register | UseProfile
)  # fmt: skip
"""Whatever can be done, as JSON decodes it."""
