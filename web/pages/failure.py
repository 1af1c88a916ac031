"""Errors in the look of the other pages: what happened and what to do."""

from __future__ import annotations

from aiohttp import web

from web.errors import REQUEST_ID, Problem
from web.pages.frame import html
from web.pages.words import problem_text


async def error_page(request: web.Request, problem: Problem) -> web.StreamResponse:
    text = problem_text(problem.code, problem.detail)
    request_id = request.get(REQUEST_ID) if problem.status >= 500 else None
    return html(request, "error.html", status=problem.status, title=problem.title, text=text, request_id=request_id)
