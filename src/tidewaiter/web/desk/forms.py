"""What pages with forms share: the act is done and its page shown anew, or refused beside what was typed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import anyio.to_thread
from litestar import Request
from litestar.datastructures import State
from litestar.response import Redirect, Template

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.web import problem
from tidewaiter.web.page import query, render

AnyRequest = Request[Any, Any, State]


async def done(
    act: Callable[[], Any], address: str, what: str, page: Callable[[TidewaiterError], Template]
) -> Redirect | Template:
    """Do it, then send to an address that says `what` was done; `page` shows why it is refused."""
    try:
        await anyio.to_thread.run_sync(act)
    except TidewaiterError as refused:
        return await anyio.to_thread.run_sync(partial(page, refused))
    return Redirect(address + query({"done": what}), status_code=303)


def form_page(request: AnyRequest, template: str, refused: TidewaiterError | None, **shown: Any) -> Template:
    """A page with forms, with why what was typed is refused."""
    status = problem.of(refused).status if refused else 200
    return render(request, template, status=status, refused=refused, **shown)
