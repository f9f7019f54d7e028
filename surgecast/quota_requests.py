"""Asks AWS for the quotas that an advice needs, when told to."""

from __future__ import annotations

from pathlib import Path

import click
from pydantic import ValidationError

from advisor.advice import Advice
from advisor.clouds.asking import ask, increases_of, wishes_of
from advisor.clouds.aws import Refused, errors, login
from advisor.clouds.excuses import excuse
from advisor.texts import told
from loadtests.errors import InputError


def request_quotas(file: Path, *, send: bool, profile: str = "", role: str = "", lang: str = "en") -> None:
    """A line for each quota; without ``send`` it is only looked up. InputError where one could not be asked for."""
    advice = _read(file)
    increases = increases_of(advice)
    try:
        aws = login(profile, role)
        account = aws.who().account
    except Refused as refused:
        why = excuse(refused)
        raise InputError(why.reason.text, hint=why.remedy.text) from refused
    click.echo(f"Service Quotas of account {account}.", err=True)
    answers = list(ask(aws.quotas, increases, errors(), send=send))
    for one in (*answers, *wishes_of(advice)):
        click.echo(told(one, lang, {}))
    if lost := sum(one.key == "quota_refused" for one in answers):
        raise InputError(f"{lost} of {len(answers)} could not be asked for", hint="docs/account.md has the policy")


def _read(file: Path) -> Advice:
    place = file / "advice.json" if file.is_dir() else file
    hint = "give the advice.json that surgecast advise wrote, or its folder"
    try:
        return Advice.model_validate_json(place.read_bytes())
    except OSError as error:
        raise InputError(f"{place}: cannot be read: {error.strerror}", hint=hint) from error
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise InputError(f"{place}: {where or 'the file'}: {problem['msg']}", hint=hint) from error
