"""The application: every route, with what stands before them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, cast

from litestar import Litestar, Router
from litestar.datastructures import CacheControlHeader, State
from litestar.di import Provide
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.static_files import create_static_files_router
from litestar.template import TemplateConfig

from tidewaiter.web import openapi, problem
from tidewaiter.web.api import accounts as api_accounts
from tidewaiter.web.api import classifying, epcis, epcis_socket, quoting, reading, submission
from tidewaiter.web.api import connecting as api_connecting
from tidewaiter.web.api import ledger as api_ledger
from tidewaiter.web.api import lists as api_lists
from tidewaiter.web.api import models as api_models
from tidewaiter.web.api import movement as api_movement
from tidewaiter.web.api import outcomes as api_outcomes
from tidewaiter.web.api import policies as api_policies
from tidewaiter.web.api import returns as api_returns
from tidewaiter.web.api import rule_sets as api_rules
from tidewaiter.web.api import selection as api_selection
from tidewaiter.web.api import service as api_service
from tidewaiter.web.api import stock as api_stock
from tidewaiter.web.desk import (
    accounts,
    back_tests,
    elections,
    examinations,
    lists,
    login,
    messages,
    models,
    movement,
    parcels,
    policies,
    quality,
    returns,
    rule_sets,
    selection,
    stock,
    stock_periods,
    submit,
)
from tidewaiter.web.guardhouse import FormsFromHere, WhoIsAsking, secure
from tidewaiter.web.house import House
from tidewaiter.web.page import environment
from tidewaiter.web.public import classify, draws, law, machines, quote, service, start, tariff, track
from tidewaiter.web.settings import WebSettings

STATIC: Final = Path(__file__).parent / "static"
DAY_SECONDS: Final = 24 * 60 * 60


def create_app(house: House) -> Litestar:
    """The web application of this house."""
    return Litestar(
        route_handlers=[_pages(), _open_pages(), _log(), _api(), epcis.epcis, epcis_socket.listen, _static()],
        dependencies={"house": Provide(lambda: house, sync_to_thread=False)},
        exception_handlers={Exception: problem.handle, login.SignInFirstError: login.to_login},
        before_send=[secure],
        middleware=[WhoIsAsking(house.settings, house.senders), FormsFromHere(house.settings)],
        template_config=TemplateConfig(instance=JinjaTemplateEngine.from_environment(environment())),
        state=State({"settings": house.settings}),
        openapi_config=openapi.config(),
        request_max_body_size=house.settings.request_bytes_max,
        logging_config=None,
        debug=False,
    )


def describe_only() -> Litestar:
    """The application without a house behind it: enough to be described, not to be called."""
    return create_app(House(settings=WebSettings(secret=b"unused"), **dict.fromkeys(PARTS, cast(Any, None))))


PARTS: Final = ("store", "intake", "desk", "senders", "accounts", "quality", "connectors")


def _pages() -> Router:
    """Pages an officer must be signed in for."""
    return Router(
        path="/",
        guards=[login.signed_in],
        include_in_schema=False,
        route_handlers=[
            start.start_page,
            parcels.parcel_list, parcels.parcel_page, parcels.parcel_act, parcels.parcel_record, parcels.parcel_receipt,
            movement.movement_list, movement.movement_answer,
            messages.message_list, quality.quality_page, messages.message_page, messages.message_bytes,
            submit.submit_page, submit.submit,
            examinations.examination_list, examinations.examination_record, examinations.examination_answer, examinations.examination_list_seized,
            elections.election_list, elections.election_propose, elections.election_answer,
            models.model_list, models.model_register, models.model_page, models.model_act,
            lists.list_list, lists.list_propose, lists.list_answer, lists.list_page, lists.list_version_page,
            rule_sets.rule_list, rule_sets.rule_begin, rule_sets.rule_set_page, rule_sets.version_page, rule_sets.version_act,
            policies.policy_list, policies.policy_begin, policies.policy_page, policies.policy_act, selection.selection_page,
            back_tests.back_test_run, back_tests.back_test_page, back_tests.comparison_page,
            returns.return_list, returns.return_page, returns.return_decide,
            *stock.HANDLERS,
            *stock_periods.HANDLERS,
            accounts.account_list, accounts.account_page, accounts.waiting_page, accounts.waiting_answer,
            accounts.payment_enter, accounts.allocation_enter, accounts.guarantee_enter, accounts.bank_read, accounts.statement_page, accounts.statement_csv,
        ],
    )  # fmt: skip


def _open_pages() -> Router:
    """Pages anyone may read."""
    return Router(
        path="/",
        include_in_schema=False,
        route_handlers=[
            quote.quote_form, quote.quote_ask, quote.quote_page, classify.classify_page,
            law.law_start, law.law_page, draws.draws_page, tariff.tariff_page, machines.machines_page,
            track.track_page, track.track, track.track_receipt, track.track_verify,
            service.health_page, service.health_json, service.problems_page,
            login.login_page, login.login, login.logout,
        ],
    )  # fmt: skip


def _log() -> Router:
    """The record's logs, for any reader of c2sp.org/tlog-tiles."""
    return Router(
        path="/log",
        include_in_schema=False,
        route_handlers=[api_ledger.log_policy, api_ledger.log_key, api_ledger.log_checkpoint, api_ledger.log_tile],
    )


def _api() -> Router:
    """The interface for machines."""
    return Router(
        path=openapi.PREFIX,
        route_handlers=[
            submission.submit_message, submission.submit_declarations,
            reading.declarations, reading.declaration, reading.declaration_explanation, reading.declaration_document, reading.declaration_products, reading.quality, reading.message, reading.notices, reading.notice_document,
            api_returns.submit_returns, api_returns.submit_exit_events, api_returns.returns, api_returns.one_return,
            api_returns.return_schema, api_returns.exit_event_schema,
            quoting.give_quote, quoting.read_quote, classifying.classify,
            api_connecting.tell_events,
            api_movement.take_reading, api_movement.movement_of, api_movement.movement_findings, api_movement.answer_finding,
            api_ledger.declaration_record, api_ledger.declaration_receipt,
            api_accounts.accounts, api_accounts.debts, api_accounts.guarantees, api_accounts.statements,
            api_accounts.statement, api_accounts.statement_lines,
            api_rules.rule_sets, api_rules.one_rule_set, api_rules.begin_version, api_rules.one_version, api_rules.write_version,
            api_rules.take_step, api_rules.run_back_test, api_rules.one_back_test, api_rules.parcels_of_back_test,
            api_rules.comparison, api_rules.declaration_rules,
            api_models.models, api_models.register, api_models.one_model, api_models.content, api_models.take_step, api_models.look,
            api_outcomes.outcomes_of, api_outcomes.record_outcome, api_outcomes.answer_outcome,
            api_outcomes.unmatched_outcomes, api_outcomes.link_alerts, api_outcomes.propose_for_list,
            api_lists.lists, api_lists.one_list, api_lists.list_csv, api_lists.list_versions, api_lists.one_list_version,
            api_lists.propose_list, api_lists.end_list, api_lists.answer_list, api_lists.screen_name,
            api_policies.policies, api_policies.begin_policy, api_policies.one_policy, api_policies.one_policy_version,
            api_policies.write_policy, api_policies.take_policy_step,
            api_selection.workload, api_selection.estimate,
            *api_stock.HANDLERS,
            api_service.regime, api_service.draws, api_service.health, api_service.declaration_schema,
        ],
    )  # fmt: skip


def _static() -> Router:
    return create_static_files_router(
        path="/static",
        directories=[STATIC],
        include_in_schema=False,
        cache_control=CacheControlHeader(max_age=DAY_SECONDS, public=True),
    )
