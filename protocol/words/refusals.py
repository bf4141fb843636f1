# SPDX-License-Identifier: AGPL-3.0-or-later
"""Why an initiative is not open to somebody, said to that person: the criterion, never a value of the person."""

from __future__ import annotations

from protocol.scope import AgeRange, OutOfScope, Scope
from protocol.types import Phase
from protocol.words.language import GRAMMARS, Grammar, Language

MAX_CODES = 5

TEXTS: dict[Language, dict[str, str]] = {
    "en": {
        "age.between": "It is for people who are at least {least} and at most {most} years old on {on}.",
        "age.from": "It is for people who are at least {least} years old on {on}.",
        "age.to": "It is for people who are at most {most} years old on {on}.",
        "age.missing": "Your eID does not tell your date of birth, which is asked for here.",
        "assurance.low": "Your log-in has no level of assurance that is known here: log in with another eID.",
        "assurance.substantial": "It needs a log-in of level substantial or high: log in again, with a stronger eID.",
        "assurance.high": "It needs a log-in of level high: log in again, with a card or whatever your issuer offers.",
        "residence": "It is for people who live in {codes}.",
        "residence.missing": "Your eID does not tell where you live, which is asked for here.",
        "employer": "It is for people who work for {codes}.",
        "employer.missing": "Your eID does not tell whom you work for, which is asked for here.",
        "profession": "It is for people whose profession or role is {codes}.",
        "profession.missing": "Your eID does not tell your profession or role, which is asked for here.",
        "nationality": "It is for people whose nationality is {codes}.",
        "nationality.missing": "Your eID does not tell your nationality, which is asked for here.",
        "scope": "Its rules are open to nobody.",
        "issuer": "It does not accept the eID issuer that you logged in with, but {issuers}.",
        "phase.announced": "Registration opens on {opens}.",
        "phase.over": "Registration closed on {closes}.",
        "phase.void": "The initiative is void.",
        "more": "{codes} (and {count} more)",
    },
    "pt": {
        "age.between": "É para quem tiver pelo menos {least} e no máximo {most} anos em {on}.",
        "age.from": "É para quem tiver pelo menos {least} anos em {on}.",
        "age.to": "É para quem tiver no máximo {most} anos em {on}.",
        "age.missing": "A sua identidade eletrónica não indica a data de nascimento, que aqui é pedida.",
        "assurance.low": "O seu início de sessão não tem um nível de garantia aqui conhecido: entre com outra "
        "identidade eletrónica.",
        "assurance.substantial": "Exige uma entrada com nível de garantia substancial ou elevado: entre de novo, com "
        "um meio mais forte.",
        "assurance.high": "Exige uma entrada com nível de garantia elevado: entre de novo, com um cartão ou com o que "
        "o seu emissor oferecer.",
        "residence": "É para quem reside em {codes}.",
        "residence.missing": "A sua identidade eletrónica não indica a residência, que aqui é pedida.",
        "employer": "É para quem trabalha para {codes}.",
        "employer.missing": "A sua identidade eletrónica não indica para quem trabalha, o que aqui é pedido.",
        "profession": "É para quem tem a profissão ou função {codes}.",
        "profession.missing": "A sua identidade eletrónica não indica a profissão ou função, que aqui é pedida.",
        "nationality": "É para quem tem a nacionalidade {codes}.",
        "nationality.missing": "A sua identidade eletrónica não indica a nacionalidade, que aqui é pedida.",
        "scope": "As suas regras não estão abertas a ninguém.",
        "issuer": "Não aceita o emissor de identidade com que entrou, mas sim {issuers}.",
        "phase.announced": "A inscrição abre em {opens}.",
        "phase.over": "A inscrição fechou em {closes}.",
        "phase.void": "A iniciativa é nula.",
        "more": "{codes} (e mais {count})",
    },
}


def out_of_scope(fault: OutOfScope, scope: Scope, language: Language) -> str:
    """One criterion that a person does not meet."""
    grammar, texts = GRAMMARS[language], TEXTS[language]
    if fault.missing:
        return texts[f"{fault.criterion}.missing"]
    if fault.criterion == "age" and scope.age is not None:
        return _age(scope.age, grammar, texts)
    if fault.criterion == "assurance" and scope.assurance is not None:
        return texts[f"assurance.{scope.assurance.name.lower()}"]
    codes: tuple[str, ...] = getattr(scope, fault.criterion, None) or ()
    return texts[fault.criterion].format(codes=_some(codes, grammar, texts))


def other_issuer(accepted: tuple[str, ...], language: Language) -> str:
    """The log-in was with an issuer that the initiative does not accept."""
    return TEXTS[language]["issuer"].format(issuers=GRAMMARS[language].one_of(accepted))


def not_now(phase: Phase, opens: int, closes: int, language: Language) -> str:
    """Nobody registers in this phase; registration opens and closes at these times (Unix seconds)."""
    grammar, texts = GRAMMARS[language], TEXTS[language]
    if phase is Phase.ANNOUNCED:
        return texts["phase.announced"].format(opens=grammar.time(opens))
    if phase is Phase.VOID:
        return texts["phase.void"]
    return texts["phase.over"].format(closes=grammar.time(closes))


def _age(wanted: AgeRange, grammar: Grammar, texts: dict[str, str]) -> str:
    kind = "to" if wanted.minimum is None else "from" if wanted.maximum is None else "between"
    return texts[f"age.{kind}"].format(least=wanted.minimum, most=wanted.maximum, on=grammar.date(wanted.on))


def _some(codes: tuple[str, ...], grammar: Grammar, texts: dict[str, str]) -> str:
    """The first few of many: a scope may name 256."""
    if not codes:
        return "-"
    if len(codes) <= MAX_CODES:
        return grammar.one_of(codes)
    return texts["more"].format(codes=", ".join(codes[:MAX_CODES]), count=len(codes) - MAX_CODES)
