// SPDX-License-Identifier: AGPL-3.0-or-later
// The pages of the development eID provider: plain forms, no scripts, in Portuguese and English.

const SHOWN = 50; // persons with a button of their own

const WORDS = {
  pt: {
    title: 'Entrar como pessoa de teste',
    warning: 'Só para desenvolvimento: estas pessoas são inventadas e aqui ninguém prova quem é.',
    asks: 'Pede a identificação:',
    wanted: 'Nível de garantia pedido:',
    levels: { low: 'baixo', substantial: 'substancial', high: 'elevado' },
    persons: 'Pessoas',
    born: 'nascimento',
    level: 'nível de garantia',
    other: 'Outra pessoa, pelo seu identificador',
    more: (count) => `Há mais ${count} pessoas, que só se escolhem pelo identificador.`,
    enter: 'Entrar',
    cancel: 'Cancelar',
    unknown: 'Não há ninguém com esse identificador.',
    failed: 'Não foi possível entrar',
    again: 'Volte à aplicação e comece de novo.',
  },
  en: {
    title: 'Log in as a test person',
    warning: 'For development only: these persons are invented, and nobody proves here who they are.',
    asks: 'Asks who you are:',
    wanted: 'Level of assurance asked for:',
    levels: { low: 'low', substantial: 'substantial', high: 'high' },
    persons: 'Persons',
    born: 'born',
    level: 'level of assurance',
    other: 'Another person, by identifier',
    more: (count) => `There are ${count} more, to be chosen by their identifiers only.`,
    enter: 'Log in',
    cancel: 'Cancel',
    unknown: 'There is nobody of that identifier.',
    failed: 'The log-in failed',
    again: 'Go back to the application and begin again.',
  },
};

// Portuguese unless the application, or else the browser, asks for English first.
export function language(request, locales) {
  const asked = `${locales ?? ''} ${request.headers['accept-language'] ?? ''}`.toLowerCase();
  const found = asked.split(/[\s,;]+/).find((tag) => /^(pt|en)\b/.test(tag));
  return found?.startsWith('en') ? 'en' : 'pt';
}

export function loginPage(locale, details, persons, unknown) {
  const words = WORDS[locale];
  const wanted = (details.params.acr_values ?? '').split(' ').filter((level) => level in words.levels);
  const rows = persons.slice(0, SHOWN).map((person) => row(words, person)).join('');
  const rest = persons.length - SHOWN;
  return page(locale, words.title, `
<p class="warning"><strong>${words.warning}</strong></p>
<p>${words.asks} <strong>${text(details.params.client_id)}</strong>.${wanted.length === 0 ? '' : `
${words.wanted} ${wanted.map((level) => words.levels[level]).join(', ')}.`}</p>
<form method="post" action="/log-in/${text(details.uid)}">
<h2>${words.persons}</h2>
<ul>${rows}</ul>
</form>
<form method="post" action="/log-in/${text(details.uid)}">
${unknown ? `<p id="unknown" role="alert" class="warning">${words.unknown}</p>` : ''}
<p><label for="person">${words.other}</label>
<input id="person" name="person" required maxlength="128" autocomplete="off"${
    unknown ? ' aria-invalid="true" aria-describedby="unknown"' : ''}>
<button>${words.enter}</button></p>
${rest > 0 ? `<p>${words.more(rest)}</p>` : ''}
</form>
<form method="post" action="/log-in/${text(details.uid)}"><p><button name="cancel" value="1">${words.cancel}</button></p></form>`);
}

export function failurePage(locale, error, description) {
  const words = WORDS[locale];
  return page(locale, words.failed, `
<p>${words.again}</p>
<p><code>${text(error)}</code>${description ? `: ${text(description)}` : ''}</p>`);
}

function row(words, person) {
  const claims = person.claims;
  const facts = [
    claims.birthdate && `${words.born} ${claims.birthdate}`,
    ...['residence', 'nationality', 'employer', 'profession'].flatMap((name) => claims[name] ?? []),
    `${words.level}: ${words.levels[person.acr] ?? person.acr}`,
  ].filter(Boolean);
  return `
<li><button name="person" value="${text(person.id)}">${text(person.name)}</button> <span>${text(facts.join(' · '))}</span></li>`;
}

function page(locale, title, body) {
  return `<!doctype html>
<html lang="${locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>
body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b; background: #fff }
button, input { font: inherit; padding: .45rem .8rem; border: 1px solid #555; border-radius: .3rem; background: #f4f4f4; color: #1b1b1b }
button:focus-visible, input:focus-visible { outline: 3px solid #0b5fff; outline-offset: 2px }
ul { list-style: none; padding: 0 } li { margin: .5rem 0 } label { display: block }
.warning { border-left: .4rem solid #b00020; padding-left: .8rem }
</style>
</head>
<body><main>
<h1>${title}</h1>${body}
</main></body>
</html>
`;
}

function text(value) {
  return String(value ?? '').replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
