"""Conformance with the annotated scenarios: does the same course of messages lead to the same notices?

The scenario workbook names, for each folder of messages, which notices the trader gets. Each low-value
scenario whose folder is there is a case; the other scenarios are scored as information. Declarations and what
follows them (amendment, presentation of the goods, cancellation) go through the one evaluation path and
the state machine in the order in which the scenario has them. Nothing is known of any scenario but what
its own messages say, but one thing: the guarantees and accounts that its declarations name are the
publisher's, who granted them.
"""

from __future__ import annotations

import io
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from lxml import etree
from msgspec import Struct
from openpyxl import load_workbook

from tidewaiter.cli.conformance.case import Case
from tidewaiter.messages.wco_dm import WcoDmForm
from tidewaiter.messages.wco_dm.notification import CODES
from tidewaiter.model.decision import Evaluation, NoticeKind, State
from tidewaiter.model.declaration import Declaration, MessageFunction
from tidewaiter.model.errors import TidewaiterError, TransitionError
from tidewaiter.model.finding import Severity
from tidewaiter.regimes import Regime, load_regime
from tidewaiter.release import Standing, Trigger, amended, follow, standing
from tidewaiter.risk import RiskKnowledge, draw, load_knowledge
from tidewaiter.workflow.evaluate import Circumstances, evaluate

FOLDER = "wco-dm-hmrc-cds"
SHEET = "Annotated Scenario Descriptions"
USUAL_DAY = date(2021, 12, 1)
"""The legal day of a message that carries none: the law of Northern Ireland and IOSS are in force, and the
nomenclature is that of 2017, of which the commodity codes of the samples without a date are."""

PUBLISHER = "GB"  # whose customs published the scenarios: theirs is the law where a message does not say
EARLIEST_DAY = date(2021, 1, 1)  # the first day on which the United Kingdom's own law applies

_COLUMNS = {
    "reference": "Annotated Sample Reference",
    "type_letter": "Declaration Type",
    "dataset": "Data Set Category",
    "title": "Scenario Title",
    "description": "Scenario Description",
    "messages": "Additional Messages",
    "notices": "Notification Messages",
}
_LOW_VALUE = re.compile(
    r"low[\s-]+value|\bSRDS\b|super[\s-]+reduced|\bBIRDS\b|bulk[\s-]+import[\s-]+reduced|\bIOSS\b|import one[\s-]stop|\bH7\b",
    re.I,
)
_NOTICE = re.compile(r"\bD(?:MS|SM)([A-Z]{3})")  # the workbook also writes DSM
_HEADING = re.compile(r"\b(Trader|CSP)\b[^:\n]*:", re.I)
_MENTIONS = {
    MessageFunction.AMENDMENT: re.compile(r"amend", re.I),
    MessageFunction.PRESENTATION: re.compile(r"\bGPN|\bGAN\b|goods (?:presentation|arrival)", re.I),
    MessageFunction.CANCELLATION: re.compile(r"cancel|invalidat", re.I),
}
_TRIGGERS = {
    MessageFunction.ORIGINAL: Trigger.ACCEPTED,
    MessageFunction.AMENDMENT: Trigger.AMENDED,
    MessageFunction.PRESENTATION: Trigger.ARRIVED,
    MessageFunction.CANCELLATION: Trigger.INVALIDATION_REQUESTED,
}
_STEP = re.compile(r"step[\s_]*(\d+)", re.I)
_USUAL_ORDER = (
    MessageFunction.ORIGINAL,
    MessageFunction.AMENDMENT,
    MessageFunction.PRESENTATION,
    MessageFunction.CANCELLATION,
)
_EXPORT_NOTICES = {"DMSEOG"}  # the goods have left: a matter of export


class Scenario(Struct, frozen=True, kw_only=True):
    """One row of the workbook."""

    reference: str
    type_letter: str
    dataset: str
    title: str
    description: str
    messages: str
    notices: str

    @property
    def is_low_value(self) -> bool:
        """True when title, description or dataset speak of low value, its data sets or IOSS."""
        return bool(_LOW_VALUE.search(f"{self.title}\n{self.description}\n{self.dataset}"))

    @property
    def folder_name(self) -> str:
        """The folder of its messages: the reference's last word ("Updated TT_X" is about TT_X)."""
        return self.reference.split()[-1]

    @property
    def expected(self) -> tuple[str, ...]:
        """The notices to the trader, in order, without those to carriers and ports."""
        return tuple(f"DMS{name}" for name in _NOTICE.findall(_trader_part(self.notices)))


class Message(Struct, frozen=True):
    """One message of a scenario's folder, or one it names that needs no file: a presentation has no content."""

    function: MessageFunction
    name: str
    declaration: Declaration | None
    step: int = 0


def scenario_cases(samples: Path) -> Iterator[Case]:
    """One case for each low-value scenario whose folder holds a declaration."""
    for scenario, folder in _present(samples):
        if scenario.is_low_value:
            yield _case(scenario, folder)


def information(samples: Path) -> list[str]:
    """How the other scenarios come out, in a few lines of words; none of it counts."""
    imports: Counter[str] = Counter()
    exports = 0
    for scenario, folder in _present(samples):
        if scenario.is_low_value or not scenario.expected:
            continue
        if _EXPORT_NOTICES & set(scenario.expected):
            exports += 1
        else:
            imports[_outcome(scenario, folder)] += 1
    lines = [f"other import scenarios, for information: {imports.total()}; export scenarios, not run: {exports}"]
    return lines + [f"  {count} {outcome}" for outcome, count in imports.most_common()]


def _outcome(scenario: Scenario, folder: Path) -> str:
    """In a few words, how a scenario that is no case compares."""
    try:
        course = Course(_messages(scenario, folder))
    except TidewaiterError as error:
        return f"not run: {error.detail}"
    if course.notices == scenario.expected:
        return "as named"
    if Counter(course.notices) == Counter(scenario.expected):
        return "the notices named, in another order"
    if course.is_unresolved:
        return "held, because what is owed is not modelled"
    if "DMSREJ" in course.notices:
        return f"rejected: {course.why.partition(':')[0]}"
    return "otherwise"


def _case(scenario: Scenario, folder: Path) -> Case:
    name = f"scenario {scenario.reference}"
    try:
        course = Course(_messages(scenario, folder))
    except TidewaiterError as error:
        return Case(name, passed=False, reason=error.detail)
    given = course.notices
    if given == scenario.expected:
        return Case(name, passed=True, reason=" ".join(given))
    because = f" ({course.why})" if course.why else ""
    return Case(name, passed=False, reason=f"named {' '.join(scenario.expected)}; given {' '.join(given)}{because}")


class Course:
    """A scenario's messages, run one after the other."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._told: list[str] = []
        self._declaration: Declaration | None = None
        self._standing: Standing | None = None
        self.why = ""
        self.is_unresolved = False
        for message in messages:
            self._take(message)

    @property
    def notices(self) -> tuple[str, ...]:
        """The notices given, by the names traders know them by."""
        return tuple(self._told)

    def _take(self, message: Message) -> None:
        if message.function is MessageFunction.ORIGINAL and message.declaration is not None:
            self._lodge(message.declaration)
        elif self._declaration is None:
            raise TidewaiterError(f"{message.name} comes before any declaration")
        elif self._standing is not None:  # else the declaration was rejected, and there is nothing to change
            self._change(self._declaration, self._standing, message)

    def _lodge(self, declaration: Declaration) -> None:
        evaluation, is_assessed = self._evaluated(declaration, is_arrived=False)
        decision = evaluation.decision
        self._declaration = declaration
        self._standing = None if decision.state is State.REJECTED else standing(decision, is_assessed=is_assessed)
        self._tell(decision.notices)

    def _change(self, declaration: Declaration, before: Standing, message: Message) -> None:
        if message.function is MessageFunction.AMENDMENT and message.declaration is not None:
            declaration = self._declaration = amended(declaration, message.declaration)
        is_arrived = message.function is MessageFunction.PRESENTATION or before.state is not State.RECEIVED
        evaluation, _ = self._evaluated(declaration, is_arrived=is_arrived)
        try:
            step = follow(before, _TRIGGERS[message.function], evaluation.decision)
        except TransitionError as error:
            self._tell((NoticeKind.REJECTED,))
            self.why = self.why or error.detail
            return
        self._standing = step.standing
        self._tell(step.notices)

    def _evaluated(self, declaration: Declaration, *, is_arrived: bool) -> tuple[Evaluation, bool]:
        on = _legal_day(declaration)
        regime, knowledge = _law(declaration.jurisdiction_code or PUBLISHER, on)
        not_drawn = draw(b"", "none", declaration.functional_reference_id, Decimal(0))  # nothing is left to chance
        circumstances = Circumstances(
            legal_day=on, regime=regime, knowledge=knowledge, draw=not_drawn, is_arrived=is_arrived,
            are_securities_granted=True,
        )  # fmt: skip
        evaluation = evaluate(declaration, circumstances)
        self._note(evaluation)
        return evaluation, regime.dataset_of(declaration).is_assessed

    def _tell(self, notices: Sequence[NoticeKind]) -> None:
        self._told += [CODES[kind].name for kind in notices]

    def _note(self, evaluation: Evaluation) -> None:
        errors = [f"{f.rule_id}: {f.words}" for f in evaluation.findings if f.severity is Severity.ERROR]
        found = errors or [f"{hold.kind.value}: {hold.words}" for hold in evaluation.decision.holds]
        if found and not self.why:
            self.why = found[0]
        if evaluation.assessment is not None and evaluation.assessment.unresolved:
            self.is_unresolved = True


@lru_cache(maxsize=256)
def _law(jurisdiction_code: str, on: date) -> tuple[Regime, RiskKnowledge]:
    return load_regime(jurisdiction_code, on), load_knowledge(jurisdiction_code, on)


def _legal_day(declaration: Declaration) -> date:
    """The day of acceptance or issue that the declaration names, else the usual day."""
    at = declaration.acceptance_at or declaration.issued_at
    return USUAL_DAY if at is None or at.date() < EARLIEST_DAY else at.date()


def _present(samples: Path) -> Iterator[tuple[Scenario, Path]]:
    """Every scenario whose folder is there and holds a declaration."""
    base = samples / FOLDER if (samples / FOLDER).is_dir() else samples
    folders = {path.name: path for path in sorted(base.rglob("*")) if path.is_dir() and not _is_reply(path)}
    for workbook in sorted(base.rglob("*.xlsx")):
        for scenario in _scenarios(workbook):
            folder = folders.get(scenario.folder_name)
            if folder is not None and any(m.function is MessageFunction.ORIGINAL for m in _files(folder)):
                yield scenario, folder


def _scenarios(workbook: Path) -> list[Scenario]:
    """The rows of the scenario sheet; none where the workbook has no such sheet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of formatting it does not keep
        book = load_workbook(workbook, read_only=True, data_only=True)
        if SHEET not in book.sheetnames:
            return []
        rows = [tuple(_cell(value) for value in row) for row in book[SHEET].iter_rows(values_only=True)]
    header = next((row for row in rows if _COLUMNS["reference"] in row), None)
    if header is None or not set(_COLUMNS.values()) <= set(header):
        return []
    at = {field: header.index(column) for field, column in _COLUMNS.items()}
    filled = (row for row in rows[rows.index(header) + 1 :] if len(row) > max(at.values()) and row[at["reference"]])
    return [Scenario(**{field: row[index] for field, index in at.items()}) for row in filled]


def _cell(value: object) -> str:
    return "" if value is None else str(value).strip()


def _trader_part(text: str) -> str:
    """What stands under "Trader notifications"; without such a heading, what no other heading claims."""
    parts = _HEADING.split(text)  # before the first heading, then heading and text in turn
    headed = list(zip(parts[1::2], parts[2::2], strict=True))
    of_traders = [body for heading, body in headed if heading.lower() == "trader"]
    return "\n".join(of_traders or [parts[0]])


def _messages(scenario: Scenario, folder: Path) -> list[Message]:
    """The scenario's messages in order: by its own list of messages, then by the step in the file's name."""
    messages = list(_files(folder))
    mentions = _mentions(scenario.messages)
    if MessageFunction.PRESENTATION in mentions and all(
        m.function is not MessageFunction.PRESENTATION for m in messages
    ):
        messages.append(Message(MessageFunction.PRESENTATION, "presentation", None))
    return sorted(messages, key=lambda message: _order(message, mentions))


def _mentions(text: str) -> dict[MessageFunction, int]:
    """Where the list of messages first speaks of each kind."""
    found = {function: pattern.search(text) for function, pattern in _MENTIONS.items()}
    return {function: match.start() for function, match in found.items() if match}


def _order(message: Message, mentions: Mapping[MessageFunction, int]) -> tuple[int, int, int, int, str]:
    usual = _USUAL_ORDER.index(message.function)
    is_follow_up = int(message.function is not MessageFunction.ORIGINAL)
    return is_follow_up, mentions.get(message.function, 10**6 + usual), message.step, usual, message.name


def _files(folder: Path) -> Iterator[Message]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() == ".xml" and not any(
            _is_reply(part) for part in (path, *path.relative_to(folder).parents)
        ):
            yield from _read(path)


def _is_reply(path: Path) -> bool:
    """True for what customs sent back: notices and status reports, told by their names and checked by their roots."""
    return bool(re.search(r"notification|DIS_Report", path.name, re.I))


def _read(path: Path) -> Iterator[Message]:
    """The declarations in a file; nothing for notices, messages of ports and carriers, and files that are no XML."""
    body = path.read_bytes()
    if not _holds_declaration(body):
        return
    form = WcoDmForm()
    for record in form.split(io.BytesIO(body)):
        declaration = form.read(record.body).declaration
        if declaration is not None:
            step = _STEP.search(path.stem)
            yield Message(declaration.function, path.name, declaration, int(step.group(1)) if step else 0)


def _holds_declaration(body: bytes) -> bool:
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return False
    names = [
        etree.QName(root).localname,
        *(etree.QName(child).localname for child in root.iterchildren(tag=etree.Element)),
    ]
    return "Declaration" in names
