"""The texts of the catalogue: code -> severity, where it can be put right, what it says, what to do."""

_CORRECT = "Correct it in the SIS; the next sync reads it again."
_COMPLETE = "Complete it in the SIS; the next sync reads it again."
_SEE_SHARING = "Check what the SIS shares with this portal."

WARNINGS: dict[str, tuple[str, str, str, str]] = {
    # --- undo
    "undo-kept": (
        "info",
        "portal",
        "{who} is kept as it is, in whole or in part. {value}.",
        "Look at the record and change it by hand where it should be as it was before that sync.",
    ),
    # --- records of the SIS
    "missing-id": (
        "error",
        "SIS",
        "{who} came without an id and was left out.",
        "Tell whoever looks after the SIS: without an id a record cannot be followed from one sync to the next.",
    ),
    "bad-id": (
        "error",
        "SIS",
        "{who} has an id under {field} that cannot be stored ({value}); it was left out.",
        "Tell whoever looks after the SIS: an id must be at most 255 letters and hold no control characters.",
    ),
    "wrong-type": (
        "warning",
        "SIS",
        "{who} has a value of the wrong kind as its {field} ({value}); it was read as blank.",
        "Tell whoever looks after the SIS or its export; nothing else of the record is affected.",
    ),
    "too-long": (
        "warning",
        "SIS",
        "{who} has a {field} of more than 255 letters ({value}); it was shortened.",
        _CORRECT,
    ),
    "control-characters": (
        "info",
        "SIS",
        "{who} has characters in its {field} that cannot be shown; they were taken out ({value}).",
        _CORRECT,
    ),
    "unknown-grade": (
        "info",
        "SIS",
        "{who} has a grade that is not in the usual lists ({value}); it is kept as it is.",
        "Nothing, where your school calls its grades like that; otherwise correct it in the SIS.",
    ),
    "unknown-role": (
        "error",
        "SIS",
        "{who} has no role that this portal knows ({value}) and was left out.",
        "Give the person a role as student or teacher in the SIS, where they should have an account.",
    ),
    "malformed-email": (
        "warning",
        "SIS",
        "{who} has an e-mail address that is not one ({value}).",
        "Correct it in the SIS; until then no mail can reach this person.",
    ),
    "bad-date": (
        "warning",
        "SIS",
        "{who} has a {field} that is no date ({value}); it was read as blank.",
        _CORRECT,
    ),
    "absurd-date": (
        "warning",
        "SIS",
        "{who} has a {field} that cannot be right ({value}); it is kept as it is.",
        _CORRECT,
    ),
    "reversed-dates": (
        "warning",
        "SIS",
        "{who} ends before it begins ({value}).",
        _CORRECT,
    ),
    "missing-school": (
        "error",
        "SIS",
        "{who} belongs to no school and was left out.",
        "Give it a school in the SIS.",
    ),
    "several-primary-schools": (
        "info",
        "SIS",
        "{who} has more than one primary school ({value}); the first one listed counts.",
        "Leave one primary school in the SIS.",
    ),
    "unknown-school": (
        "warning",
        "SIS",
        "{who} belongs to a school that the SIS does not list ({value}).",
        f"{_SEE_SHARING} One school that is not shared explains many of these.",
    ),
    # --- the same thing twice
    "duplicate-id": (
        "warning",
        "SIS",
        "{who} was listed more than once; it was read once.",
        "Nothing, where it happens rarely: the list changed while it was read. Otherwise tell whoever looks after the SIS.",
    ),
    "duplicate-email": (
        "warning",
        "SIS",
        "{who} has the e-mail address {value}, which another person has too; they are two accounts.",
        "Give each of them an address of their own in the SIS. Neither can sign in by this address.",
    ),
    "duplicate-username": (
        "warning",
        "SIS",
        "{who} has the username {value}, which another person has too; the second account gets another one.",
        "Give each of them a username of their own in the SIS.",
    ),
    "duplicate-number": (
        "warning",
        "SIS",
        "{who} has the number {value}, which another one of the same role has too.",
        "Some systems list a person once for each of their schools. Where they are two people, give each a number of their own.",
    ),
    "duplicate-name": (
        "info",
        "SIS",
        "{who} has the same name, grade and school as another person ({value}).",
        "Nothing, where they are two people; otherwise merge them in the SIS.",
    ),
    "possible-duplicate": (
        "warning",
        "portal",
        "{who} would be added, and is like one that is here and that the SIS does not list (number {value}).",
        "Compare them. Where they are the same, choose to link instead of adding.",
    ),
    # --- sections
    "no-teacher": (
        "info",
        "SIS",
        "{who} has no teacher.",
        "Give the section a teacher in the SIS, where it should have one.",
    ),
    "unknown-person-in-section": (
        "warning",
        "SIS",
        "{who} names somebody among its {field} whom the SIS does not list ({value}).",
        f"{_SEE_SHARING} The rest of the section is synced.",
    ),
    "unknown-course": (
        "warning",
        "SIS",
        "{who} belongs to a course that the SIS does not list ({value}).",
        "Nothing, where it passes with the next sync; otherwise correct it in the SIS.",
    ),
    "unknown-term": (
        "warning",
        "SIS",
        "{who} belongs to a term that the SIS does not list ({value}); it has no dates.",
        "Nothing, where it passes with the next sync; otherwise correct it in the SIS.",
    ),
    "teacher-from-another-school": (
        "info",
        "SIS",
        "{who} is taught by a teacher of another school ({value}).",
        "Nothing, where that is so; otherwise correct the teacher's schools in the SIS.",
    ),
    "unknown-section": (
        "warning",
        "SIS",
        "{who} has enrollments and is not in the list of classes; they were read past.",
        f"{_SEE_SHARING} A class that is not shared or was deleted explains it.",
    ),
    "broken-enrollment": (
        "warning",
        "SIS",
        "An enrollment ({value}) names no {field}; it was left out.",
        _COMPLETE,
    ),
    "student-out-of-scope": (
        "warning",
        "portal",
        "{who} names a student whose schools are not synced ({value}); the student is not put into the class.",
        "Map the student's school on the Configure tab, or leave it.",
    ),
    # --- what the portal holds and what people decided
    "unticked-in-roster": (
        "info",
        "portal",
        "{who} names {value}, who was unticked or held: not put into the class.",
        "Nothing. Who is released and committed with this sync joins the class then; tick others in a later sync.",
    ),
    "no-account-in-roster": (
        "warning",
        "portal",
        "{who} names {value}, who has no account: not put into the class.",
        "See whether the person's own action waits for a decision or failed. The next sync proposes the place again.",
    ),
    "place-edited": (
        "warning",
        "portal",
        "{who} would have changed the place of {value}, which somebody changed here after the sync was prepared: left as it is.",
        "The next sync proposes it again, where the SIS still says so. Untick it there to keep what was done here.",
    ),
    "username-taken": (
        "warning",
        "portal",
        "{who} should have got the username {value}, which somebody took in the meantime; a number was added.",
        "Tell the person their username.",
    ),
    "conflict": (
        "warning",
        "portal",
        "{who} was changed in the portal after the plan was made; nothing was written. {value}",
        "Prepare again: the new plan starts from what is there now.",
    ),
    "archived-here": (
        "info",
        "portal",
        "{who} is listed by the SIS, and was archived here by a person; it stays archived.",
        "Reactivate it by hand, where it should come back.",
    ),
    "teacher-order-kept": (
        "info",
        "portal",
        "{who} keeps the order of teachers that was set by hand here; who is new comes behind.",
        "Change the order on the page of the class's people, where it should be another.",
    ),
    "pinned": (
        "info",
        "portal",
        "{who} keeps its {field}, which was edited by hand here; the SIS says {value}.",
        "Release the pin, where the SIS's value should count.",
    ),
    "left-out": (
        "info",
        "connection",
        "{value} were not planned, because the options leave them out.",
        "Change the options on the Configure tab, where they should be synced.",
    ),
    # --- the connection
    "not-complete": (
        "warning",
        "connection",
        "The list of {field} is not proven to be complete. {value}",
        "Sync again. Where it stays like this, see what the reason names.",
    ),
    "withheld-deletes": (
        "warning",
        "connection",
        "Deletes of {field} are withheld: it is not proven that everybody was seen. {value}",
        "Sync again. Adds and edits of this sync can be committed.",
    ),
    "repeated-page": (
        "warning",
        "connection",
        "The SIS sent the same page of {field} twice; it was read once.",
        "Sync again. Where it stays like this, tell whoever looks after the SIS.",
    ),
    "listed-elsewhere": (
        "info",
        "connection",
        "{who} is no longer listed here and was not archived, because {value} still lists it.",
        "Nothing, unless the other connection should not list it any more.",
    ),
    "district-paused": (
        "warning",
        "connection",
        "The SIS reports that the district is in the state {value}. Nothing is committed by itself.",
        "Review this sync with care: what is listed may be last year's. Ask the SIS when the state ends.",
    ),
    "full-instead": (
        "info",
        "connection",
        "Everything was read instead of the changes only. {value}",
        "Nothing.",
    ),
    "not-filtered": (
        "info",
        "connection",
        "The SIS was asked for the changes of {field} only, and listed everything.",
        "Nothing: everything was read and compared.",
    ),
    # --- files
    "refused-row": (
        "error",
        "SIS",
        "A row was left out: its {field} is {value}.",
        "Correct the row in the SIS's export and upload the file again; the other rows are taken.",
    ),
    "unknown-file": (
        "info",
        "SIS",
        "The file {value} is not part of OneRoster and was read past.",
        "Nothing, unless its name is misspelt.",
    ),
    "later-file": (
        "info",
        "SIS",
        "The file {value} is one of OneRoster 1.2, and the package says that it is of 1.1: the file was read past.",
        "Nothing, where the rest is as you expect; otherwise export a package of OneRoster 1.2.",
    ),
    "unknown-column": (
        "info",
        "SIS",
        "The column {value} is not known and was read past.",
        "Nothing, unless its name is misspelt.",
    ),
    # --- mails after the commit
    "mail-bounced": (
        "warning",
        "SIS",
        "{who} got no mail about the new account: the mail server refused the address {value}.",
        "Correct the address and send the mail again under Admin > Mail, or print a login card.",
    ),
    "mail-failed": (
        "warning",
        "portal",
        "{who} got no mail about the new account. {value}",
        "Send it again under Admin > Mail, or print a login card or make a password link.",
    ),
    "other": (
        "warning",
        "portal",
        "{who}: {code} ({field}: {value}).",
        "This release does not know the warning any more; sync again to see whether it still holds.",
    ),
}

RELEASE = "Look at them, then release them by typing their number, or untick them."
"""What to do with what a guard holds."""

HELD: dict[str, str] = {
    "several-candidates": "Several accounts or classes have the key. Choose the one that is the same, or create a new one.",
    "linked-elsewhere": "The one that has the key is linked to another id of the SIS. Say whether they are the same.",
    "listed-anew": "It is like one that the SIS lists no more: it may be the same under a new id. Say whether they are the same.",
    "listed-twice": "Somebody, or a class, like this one is listed and has a record here already. Say whether this one may be archived.",
    "doubted-delete": "A new record of the SIS may be this one. Decide that record first: nothing is archived before it is known whether they are the same.",
    "names-disagree": "The key agrees and the names do not. Say whether they are the same person.",
    "identity-changed": "The id is the same and the name is wholly another. Say whether it is still the same person.",
    "claimed-twice": "Two records of the SIS want the same account or class. Say which of them is the same.",
    "changed-on-both": "A field was changed both here and in the SIS. Choose the value that counts.",
    "guard-deletes": f"Unusually many would be archived at once. {RELEASE}",
    "guard-adds": f"Unusually many would be added at once. {RELEASE}",
    "guard-class": f"The class would lose an unusual share of its students. {RELEASE}",
    "guard-ids": f"Unusually many ids would change at once. {RELEASE}",
    "guard-id-names": "The id would change to that of a person of another name. Release it, or untick it.",
}
