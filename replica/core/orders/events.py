"""What a node decides about orders: pure decisions over the orders, the stock and the table of transitions.

`decide` reads and changes nothing; it returns the entries to write, the first of which answers the caller, or raises
Refused. `next_due` finds what a node has to do about an order by itself: parked events whose time has come or passed,
requests of other nodes, holds that expired.

Decisions carry typed facts; they are encoded once, on the way out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

import msgspec
from msgspec import UNSET

from replica.core.base.errors import Invalid, NotFound, NotOwner
from replica.core.base.names import void_key
from replica.core.log.draft import Draft
from replica.core.orders.allocations import cut, without
from replica.core.orders.context import Drafts, OrderContext, OrderDraft
from replica.core.orders.facts import (
    ASKED,
    DUPLICATE,
    HAPPENED,
    IMPOSSIBLE,
    PARKED,
    REPEAT,
    UNCHANGED,
    AskFacts,
    EventRequest,
    HandoverFacts,
    OrderFacts,
    ParkFacts,
    RepeatFacts,
    ReportFacts,
    ShownFulfilment,
    SplitFacts,
    StepFacts,
    TakeBackFacts,
    VoidFacts,
)
from replica.core.orders.machine import (
    ADJUST,
    CANCEL,
    EXCHANGE,
    EXPIRE,
    PARTIAL,
    RETURN,
    SPLITTING,
    Nature,
    Reachability,
)
from replica.core.orders.order import Fulfilment, Order, wholes_of
from replica.core.orders.owners import ask_owner, hand_over
from replica.core.orders.parking import check_may_come, park, pass_on, report_late, settle
from replica.core.orders.placement import prepare_placement
from replica.core.orders.requests import (
    Handover,
    Housekeeping,
    OrderEvent,
    OrderRequest,
    Placement,
    Revocation,
    deduplication_id_of,
    part_deduplication_id,
    request_facts,
)
from replica.core.orders.returns import next_of_returns, take_back
from replica.core.orders.revocations import begin_again, select_fulfilment
from replica.core.orders.transitions import has_units, ids_of, judge, spread, step, transition


def decide(context: OrderContext, request: OrderRequest, key: bytes) -> Drafts:
    """Decide a request, asked under a key. Raises Refused."""
    return [draft.encoded() for draft in _decide(context, request, key)]


def next_due(context: OrderContext, name: str) -> tuple[str, Draft] | None:
    """The next thing this node has to do about an order, if any: only one, because it may change the one after it."""
    due = _next_due(context, name)
    return due.encoded() if due is not None else None


def _decide(context: OrderContext, request: OrderRequest, key: bytes) -> list[OrderDraft]:
    match request:
        case Placement():
            return prepare_placement(context, request)
        case OrderEvent():
            return _happen(context, request, deduplication_id_of(request, key))
        case Handover():
            return [hand_over(context, request)]
        case Revocation():
            return [select_fulfilment(context, request)]
        case Housekeeping():
            due = _next_due(context, request.order)
            if due is None:
                raise NotFound(f"nothing is due about the order {request.order!r}", field="order")
            return [due]
        case _:
            assert_never(request)


def _next_due(context: OrderContext, name: str) -> OrderDraft | None:
    order = context.orders.find(name)
    if order is None:
        return None
    for event, standing in order.to_pass_on(context.node, context.location_owners):
        return ask_owner(order, event, standing)
    for lost in order.to_void(context.node, context.location_owners):
        return _void(context, order, lost)
    for declined in order.to_begin_again(context.node):
        return begin_again(context, order, declined)
    if (told := next_of_returns(context, order) or pass_on(context, order)) is not None:
        return told
    own = [one for name, one in sorted(order.fulfilments.items()) if one.owner == context.node]
    for parked in order.parked:
        for fulfilment in own:
            if parked.waits_for(fulfilment):
                due = settle(context, order, fulfilment, parked)
                if due is not None:
                    return due
    for fulfilment in own:
        if fulfilment.expires_ms and fulfilment.expires_ms <= context.now_ms:
            to = context.machine.step(fulfilment.state, EXPIRE)
            if isinstance(to, str):
                return step(context, order, fulfilment, EXPIRE, StepFacts(fulfilment=fulfilment.id, to=to))
    for fulfilment in own:
        owner = context.location_owners.get(fulfilment.location, context.node)
        is_paid = fulfilment.nature is Nature.HOLDS and not fulfilment.expires_ms
        if is_paid and owner != context.node and fulfilment.location not in context.locations:
            return hand_over(context, Handover(order.name, fulfilment.id, owner))
    for parked in order.waiting if order.parked else ():
        if parked.deadline_ms <= context.now_ms:
            due = report_late(context, order, own, parked)
            if due is not None:
                return due
    return None


def _happen(context: OrderContext, event: OrderEvent, deduplication_id: bytes) -> list[OrderDraft]:
    """Let an event happen to the fulfilments it concerns, park it, or report that it cannot happen.

    An event of a whole order concerns the fulfilments that go on: it happens to those to which it can happen now, and
    waits for those to which it can happen later. Only if it can happen to none, it is impossible.
    """
    _check_lines(event)
    order = context.orders.find(event.order)
    concerned = order.concerned(event.fulfilment) if order is not None else []
    if event.event == RETURN and context.order_policy.counter and _is_of_others(context, order, event, concerned):
        draft = take_back(context, order, event, deduplication_id)
        return _answering([draft], order or Order(event.order), {}, event, {})
    if order is None or not concerned:
        if order is not None:
            check_may_come(context, order, event)
        drafts = park(context, order, event, deduplication_id, [context.order_policy.notes_scope])
        return _answering(drafts, order or Order(event.order), {}, event, {})
    _check_named(context, order, event, concerned)
    families = order.families()
    verdicts = {one.id: judge(context, one, families[one.id], event, deduplication_id) for one in concerned}
    open_to = _open_to(event, concerned, verdicts)
    _check_owner(context, event, concerned, open_to)
    happening, named = _lines_for(context, event, concerned, open_to, verdicts), _as_named_now(event, concerned)
    drafts, waiting, to_ask = [], [], []
    after: dict[str, ShownFulfilment] = {}
    told = concerned if event.lines is UNSET else [one for one, _ in happening]
    outcomes = {one.id: REPEAT if verdicts[one.id] == REPEAT else UNCHANGED for one in told}
    for one, its_event in happening:
        verdict = verdicts[one.id]
        if one.owner != context.node and event.event == RETURN and context.order_policy.counter:
            named = msgspec.structs.replace(its_event, fulfilment=one.id)
            is_share = event.lines is UNSET or its_event.lines != event.lines
            share = part_deduplication_id(deduplication_id, one.id) if is_share else deduplication_id
            drafts.append(take_back(context, order, named, share))
            outcomes[one.id] = ASKED
        elif one.owner != context.node:
            to_ask.append(one)
        elif isinstance(verdict, Reachability):
            waiting.append(one)
        else:
            draft = transition(context, order, one, its_event, verdict, deduplication_id)
            drafts.append(draft)
            shown = _after(one, draft)
            after |= {shown_one.id: shown_one for shown_one in shown}
            outcomes.pop(one.id)
            outcomes[shown[-1].id] = HAPPENED
    drafts += _asking(order, named, to_ask, deduplication_id)
    if waiting:  # the first entry answers the caller, and this one knows until when the event waits
        drafts = [*park(context, order, named, deduplication_id, [one.location for one in waiting]), *drafts]
    outcomes |= {**{one.id: ASKED for one in to_ask}, **{one.id: PARKED for one in waiting}}
    passed_by = _passed_by(event, concerned, verdicts, open_to)
    counting = [one for one in passed_by if one.owner == context.node or verdicts[one.id] is Reachability.EARLY]
    if drafts:
        drafts += _counts(order, event, counting)
    else:
        drafts = _nothing_happens(order, event, concerned, verdicts, counting, deduplication_id)
    if event.event in (CANCEL, RETURN):  # others count their own numbers
        drafts += _asking(order, named, [one for one in passed_by if one not in counting], deduplication_id)
    return _answering(drafts, order, after, event, outcomes)


def _is_of_others(
    context: OrderContext, order: Order | None, event: OrderEvent, concerned: Sequence[Fulfilment]
) -> bool:
    """Whether returned goods are of fulfilments that other nodes own, or of parts that this store does not see."""
    if all(one.owner != context.node for one in concerned):
        return True
    if event.fulfilment or event.lines is UNSET or order is None or order.sees_all():
        return False
    return any(spread(context, event.lines, concerned)[1])


def _check_named(context: OrderContext, order: Order, event: OrderEvent, concerned: Sequence[Fulfilment]) -> None:
    """Refuse an event that must name its fulfilment or its units. Raises Invalid.

    Each fulfilment counts its own numbers, and a store that sees some parts of an order cannot know what came back.
    """
    if event.number and event.lines is not UNSET and len(wholes := wholes_of(concerned)) > 1:
        raise Invalid(
            f"number is of one fulfilment, and lines do not say of which: name one of {', '.join(wholes)}",
            field="fulfilment",
        )
    is_of_all = event.event == RETURN and not event.fulfilment and event.lines is UNSET
    if is_of_all and context.order_policy.counter and not order.sees_all():
        raise Invalid(
            "lines is missing, and this store sees only some parts of the order: name the units that came back",
            field="lines",
        )


def _open_to(
    event: OrderEvent, concerned: Sequence[Fulfilment], verdicts: Mapping[str, str | Reachability]
) -> list[Fulfilment]:
    """The fulfilments to which an event can happen now or later.

    Goods that come back now were handed out before, so a return waits for nothing if it can happen somewhere.
    """
    found = [one for one in concerned if verdicts[one.id] not in (REPEAT, Reachability.IMPOSSIBLE)]
    now = [one for one in found if verdicts[one.id] is not Reachability.EARLY]
    return now if event.event == RETURN and now else found


def _check_owner(
    context: OrderContext, event: OrderEvent, concerned: Sequence[Fulfilment], open_to: Sequence[Fulfilment]
) -> None:
    """Refuse an event that another node has to decide, unless it may be asked to. Raises NotOwner."""
    if event.event in (CANCEL, RETURN):
        return
    others = [one for one in open_to if one.owner != context.node]
    if not others and all(one.owner != context.node for one in concerned):
        others = list(concerned)
    if others:
        owner, name = others[0].owner, others[0].id
        raise NotOwner(f"{owner} owns the fulfilment {name}: ask that node", field="fulfilment", owner=owner)


def _lines_for(
    context: OrderContext,
    event: OrderEvent,
    concerned: Sequence[Fulfilment],
    open_to: Sequence[Fulfilment],
    verdicts: Mapping[str, str | Reachability],
) -> list[tuple[Fulfilment, OrderEvent]]:
    """The fulfilments to which an event happens or for which it waits, each with the lines it names there.

    Lines concern one fulfilment. If the event names none, it is the only one that has all of the units. Returned units
    may come from several parts that this node owns at one location, and at a counter from those of other nodes, too.
    Raises Invalid if several fulfilments could be meant.
    """
    if event.lines is UNSET:
        return [(one, event) for one in open_to]
    if any(verdicts[one.id] == REPEAT for one in concerned):
        return []
    if len(open_to) < 2:
        return [(one, event) for one in open_to]
    places = dict.fromkeys((one.location, one.owner) for one in open_to)
    if event.event == RETURN and len(places) == 1 and open_to[0].owner == context.node:
        return _spread(context, event, open_to)
    having = [one for one in open_to if has_units(context, event, one)]
    if len(having) == 1:
        return [(having[0], event)]
    is_counter = event.event == RETURN and context.order_policy.counter
    if is_counter and not having and len(dict.fromkeys(one.location for one in open_to)) == 1:
        return _spread(context, event, open_to)
    names = ", ".join(one.id for one in having or open_to)
    raise Invalid(f"{event.event} with lines concerns one fulfilment: name one of {names}", field="fulfilment")


def _spread(
    context: OrderContext, event: OrderEvent, fulfilments: Sequence[Fulfilment]
) -> list[tuple[Fulfilment, OrderEvent]]:
    """Divide the lines of a return over fulfilments that were handed out at one location, the first ones first."""
    assert event.lines is not UNSET
    shares, missing = spread(context, event.lines, fulfilments)
    for index, line in enumerate(event.lines):
        if missing[index]:
            raise Invalid(
                f"the line names {line.quantity}, and only {line.quantity - missing[index]} are there: name fewer",
                field=f"lines[{index}].quantity",
            )
    return [(one, msgspec.structs.replace(event, lines=share)) for one, share in shares]


def _as_named_now(event: OrderEvent, concerned: Sequence[Fulfilment]) -> OrderEvent:
    """An event that names a fulfilment which was replaced names the one that replaced it: its owner knows only that."""
    is_replaced = event.fulfilment and event.fulfilment != concerned[0].id
    return msgspec.structs.replace(event, fulfilment=concerned[0].id) if is_replaced else event


def _asking(order: Order, event: OrderEvent, to_ask: Sequence[Fulfilment], deduplication_id: bytes) -> list[OrderDraft]:
    """Ask the owners of fulfilments: one entry for each location, because a store sees only its own."""
    asked = AskFacts(request=EventRequest(event), deduplication_ids=ids_of(deduplication_id))
    locations = dict.fromkeys(one.location for one in to_ask)
    return [OrderDraft(scope=location, order=order.name, event=event.event, facts=asked) for location in locations]


def _nothing_happens(
    order: Order,
    event: OrderEvent,
    concerned: Sequence[Fulfilment],
    verdicts: Mapping[str, str | Reachability],
    counting: Sequence[Fulfilment],
    deduplication_id: bytes,
) -> list[OrderDraft]:
    """The answer to an event that happened before, or the report of one that is impossible at every fulfilment."""
    if any(verdict == REPEAT for verdict in verdicts.values()):
        first = OrderDraft(scope=concerned[0].location, order=order.name, event=event.event, facts=RepeatFacts())
        return [first, *_counts(order, event, counting)]
    one = [*counting, *_going_on(concerned)][0]
    impossible = ReportFacts(
        fulfilment=one.id,
        outcome=IMPOSSIBLE,
        number=event.number if counting else 0,
        deduplication_ids=ids_of(deduplication_id),
    )
    first = OrderDraft(scope=one.location, order=order.name, event=event.event, facts=impossible)
    return [first, *_counts(order, event, counting[1:])]


def _going_on(concerned: Sequence[Fulfilment]) -> Sequence[Fulfilment]:
    return [one for one in concerned if one.nature is not Nature.ENDED] or concerned


def _passed_by(
    event: OrderEvent,
    concerned: Sequence[Fulfilment],
    verdicts: Mapping[str, str | Reachability],
    open_to: Sequence[Fulfilment],
) -> list[Fulfilment]:
    """Fulfilments to which a numbered event never happens. They count its number, because later numbers wait for it.

    A fulfilment and its parts count together, so one of them is enough. A return passes by goods that have not left. If
    another node owns them, this node counts the number there: the owner would let a return that it is asked for wait,
    and take the goods for returned as soon as they leave.
    """
    if not event.number:
        return []
    found = []
    taking_part = dict.fromkeys(one.id for one in open_to)
    for whole in wholes_of(_going_on(concerned)):
        family = [one for one in concerned if whole in (one.id, one.part_of)]
        if any(one.id in taking_part or verdicts[one.id] == REPEAT for one in family):
            continue
        if event.number == 1 + max(one.number for one in family):
            found.append(_going_on(family)[0])
    return found


def _counts(order: Order, event: OrderEvent, counting: Iterable[Fulfilment]) -> list[OrderDraft]:
    """Entries that count the number of an event at fulfilments where it changes nothing."""
    return [
        OrderDraft(
            scope=one.location,
            order=order.name,
            event=event.event,
            facts=ReportFacts(fulfilment=one.id, outcome=UNCHANGED, number=event.number),
        )
        for one in counting
    ]


def _check_lines(event: OrderEvent) -> None:
    if event.lines is not UNSET and event.event not in (*PARTIAL, *SPLITTING):
        raise Invalid(f"{event.event} concerns the whole fulfilment: leave lines out", field="lines")
    if event.lines is UNSET and event.event in (ADJUST, EXCHANGE):
        raise Invalid(f"{event.event} needs lines: say which units it takes out of the order", field="lines")
    if (event.replacement is not UNSET) != (event.event == EXCHANGE):
        raise Invalid("an exchange needs a replacement, and no other event has one", field="replacement")


def _void(context: OrderContext, order: Order, lost: Fulfilment) -> OrderDraft:
    """Undo a fulfilment of a placement that lost: cancel it, report that it is too late, or ask the owner."""
    if lost.owner != context.node:
        return ask_owner(order, "cancel", lost)
    to = context.machine.step(lost.state, CANCEL)
    if isinstance(to, str) and lost.nature is Nature.HOLDS:
        draft = step(context, order, lost, CANCEL, StepFacts(fulfilment=lost.id, to=to, voids=lost.origin))
    else:
        facts = VoidFacts(fulfilment=lost.id, outcome=DUPLICATE, voids=lost.origin)
        draft = OrderDraft(scope=lost.location, order=order.name, event=CANCEL, facts=facts)
    return msgspec.structs.replace(draft, key=void_key(lost.origin))


def _after(fulfilment: Fulfilment, draft: OrderDraft) -> list[ShownFulfilment]:
    """A fulfilment as an entry leaves it, and after it the part that was split off.

    It shows the units that are left after a partial event, else all it had.
    """
    facts, shown = draft.facts, fulfilment.shown()
    match facts:
        case SplitFacts():
            left, moved = (of(fulfilment.allocations, facts.units) for of in (without, cut))
            part = Fulfilment(facts.part, fulfilment.location, fulfilment.owner, facts.to, sold=moved)
            return [msgspec.structs.replace(fulfilment, allocations=left).shown(), part.shown()]
        case StepFacts():
            if draft.event in PARTIAL:
                left = [*without(fulfilment.allocations, facts.reversed), *facts.taken]
                sold = without(fulfilment.sold, facts.returned)
                shown = msgspec.structs.replace(fulfilment, allocations=left, sold=sold).shown()
            return [msgspec.structs.replace(shown, state=facts.to)]
        case _:
            raise AssertionError(f"{facts} leaves the fulfilment as it was")


def _answering(
    drafts: list[OrderDraft],
    order: Order,
    after: Mapping[str, ShownFulfilment],
    event: OrderEvent,
    outcomes: Mapping[str, str],
) -> list[OrderDraft]:
    """The same entries, of which the first one tells the caller how the order stands after them."""
    known = {name: one.shown() for name, one in order.fulfilments.items()}
    shown = tuple(one for _, one in sorted({**known, **after}.items()))
    standing = {one.id: Fulfilment(one.id, one.location, "", one.state) for one in shown}
    state = Order(order.name, fulfilments=standing).state
    told = tuple(sorted(outcomes.items())) if len(outcomes) > 1 or len(after) > 1 else ()
    first, *others = drafts
    facts: OrderFacts
    match first.facts:
        case StepFacts() | SplitFacts() | ReportFacts() | RepeatFacts() as answering:
            facts = msgspec.structs.replace(
                answering, state=state, shown=shown, request=request_facts(event), outcomes=told
            )
        case ParkFacts() | AskFacts() | TakeBackFacts() as answering:  # it holds the request already
            whole = EventRequest(event) if answering.request.event != event else None
            facts = msgspec.structs.replace(answering, state=state, shown=shown, outcomes=told, share_of=whole)
        case HandoverFacts() | VoidFacts():
            raise AssertionError(f"{first.facts} answers no event")
        case _:
            assert_never(first.facts)
    return [msgspec.structs.replace(first, facts=facts), *others]
