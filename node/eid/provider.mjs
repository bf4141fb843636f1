// SPDX-License-Identifier: AGPL-3.0-or-later
// The development eID provider: oidc-provider (a certified OpenID Connect implementation) over test persons.
// Never for production: whoever reaches the page may be anyone on it. Started by `urna eid`, which writes the folder:
//   provider.json  issuer, port, clients, path of the persons     keys.json  signing keys, cookie keys, pairwise secret
//   persons.json (or another path)  the test persons
// The log names no person.

import { createHmac } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Provider, errors, interactionPolicy } from 'oidc-provider';

import { Store } from './store.mjs';
import { failurePage, loginPage, language } from './page.mjs';

const LEVELS = ['low', 'substantial', 'high'];
const MAX_FORM = 4096; // bytes
const SECONDS = { token: 300, login: 600, session: 3600 };

const folder = process.argv[2];
const settings = JSON.parse(readFileSync(join(folder, 'provider.json'), 'utf8'));
const store = new Store();

// A file that is read again once it was replaced.
function watched(path, read) {
  let stamp;
  let value;
  return () => {
    const { mtimeMs, ino, size } = statSync(path);
    const now = `${mtimeMs} ${ino} ${size}`;
    if (now !== stamp) {
      value = { content: read(JSON.parse(readFileSync(path, 'utf8'))), version: now };
      stamp = now;
    }
    return value;
  };
}

const persons = watched(settings.persons, (list) => new Map(list.map((person) => [person.id, person])));
const keys = watched(join(folder, 'keys.json'), (content) => content);

// The newest key signs; a retired one stays in the key set until every token it signed has expired.
function published(now) {
  return keys().content.signing.filter((key) => key.gone === null || key.gone > now);
}

function pairwise(id) {
  return createHmac('sha256', Buffer.from(keys().content.pairwise, 'hex')).update(id).digest('base64url');
}

async function account(_ctx, id) {
  const person = persons().content.get(id);
  if (person === undefined) return undefined;
  // `acr` is what this log-in had, which the provider itself knows.
  return { accountId: id, claims: async () => ({ sub: id, name: person.name, ...person.claims }) };
}

// Somebody logged in at a lower level than is asked for now logs in again.
function policy() {
  const prompts = interactionPolicy.base();
  const wanted = new interactionPolicy.Check('acr', 'another level of assurance is asked for', (ctx) => {
    const values = ctx.oidc.params.acr_values?.split(' ');
    const met = !values || ctx.oidc.result?.login || !ctx.oidc.session.accountId || values.includes(ctx.oidc.acr);
    return met ? interactionPolicy.Check.NO_NEED_TO_PROMPT : interactionPolicy.Check.REQUEST_PROMPT;
  });
  prompts.get('login').checks.add(wanted);
  prompts.remove('consent'); // the test persons consent to everything
  return prompts;
}

async function grant(ctx) {
  const given = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
  given.addOIDCScope([...ctx.oidc.requestParamScopes].join(' '));
  await given.save();
  return given;
}

function client({ id, redirect_uris, secret }) {
  return {
    client_id: id,
    redirect_uris,
    ...(secret === null
      ? { token_endpoint_auth_method: 'none' }
      : { token_endpoint_auth_method: 'client_secret_basic', client_secret: secret }),
    grant_types: ['authorization_code'],
    response_types: ['code'],
    id_token_signed_response_alg: 'ES256',
    subject_type: 'pairwise',
    // One sector for all members' clients: a person is the same subject at each of them.
    sector_identifier_uri: 'https://members.urna.invalid/sector.json',
  };
}

function build(signing) {
  const provider = new Provider(settings.issuer, {
    adapter: (model) => store.model(model),
    clients: settings.clients.map(client),
    jwks: { keys: signing.map((key) => key.jwk) },
    cookies: { keys: keys().content.cookies },
    findAccount: account,
    loadExistingGrant: grant,
    interactions: { policy: policy(), url: (_ctx, interaction) => `/log-in/${interaction.uid}` },
    pkce: { required: () => true },
    subjectTypes: ['pairwise'],
    pairwiseIdentifier: async (_ctx, id) => pairwise(id),
    sectorIdentifierUriValidate: () => false,
    responseTypes: ['code'],
    acrValues: LEVELS,
    scopes: ['openid'],
    claims: {
      acr: null,
      auth_time: null,
      openid: ['sub', 'acr', 'auth_time'],
      profile: ['name', 'birthdate'],
      eligibility: ['birthdate', 'residence', 'nationality', 'employer', 'profession'],
    },
    conformIdTokenClaims: false, // the registrars see the ID token alone
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    features: { devInteractions: { enabled: false } },
    ttl: {
      AccessToken: SECONDS.token,
      AuthorizationCode: 60,
      Grant: SECONDS.session,
      IdToken: SECONDS.token,
      Interaction: SECONDS.login,
      Session: SECONDS.session,
    },
    renderError: async (ctx, out) => {
      ctx.type = 'html';
      ctx.body = failurePage(language(ctx.req), out.error, out.error_description);
    },
  });
  provider.on('server_error', (_ctx, error) => console.error(`${error.name}: ${error.message}`));
  return { provider, handle: provider.callback() };
}

let current;
function now() {
  const signing = published(Date.now() / 1000);
  const version = `${keys().version} ${signing.map((key) => key.jwk.kid)}`;
  if (current?.version !== version) current = { version, ...build(signing) };
  return current;
}

async function form(request) {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
    if (body.length > MAX_FORM) throw new errors.InvalidRequest('the form is too long');
  }
  return new URLSearchParams(body);
}

async function logIn(provider, request, response) {
  const details = await provider.interactionDetails(request, response);
  const locale = language(request, details.params.ui_locales);
  let status = 200;
  if (request.method === 'POST') {
    const given = await form(request);
    if (given.has('cancel')) {
      await provider.interactionFinished(request, response, { error: 'access_denied' });
      return;
    }
    const person = persons().content.get((given.get('person') ?? '').trim());
    if (person !== undefined) {
      const login = { accountId: person.id, acr: person.acr, remember: false };
      await provider.interactionFinished(request, response, { login });
      return;
    }
    status = 422;
  }
  html(response, status, loginPage(locale, details, [...persons().content.values()], status === 422));
}

function html(response, status, page) {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  response.end(page);
}

const server = createServer(async (request, response) => {
  try {
    const { provider, handle } = now();
    if (!request.url.startsWith('/log-in/')) {
      handle(request, response);
      return;
    }
    await logIn(provider, request, response);
  } catch (error) {
    const expected = error instanceof errors.OIDCProviderError;
    if (!expected) console.error(`${error.name}: ${error.message}`);
    const name = expected ? error.error : 'server_error';
    html(response, expected ? error.statusCode : 500, failurePage(language(request), name, error.error_description));
  }
});

persons();
now();
server.listen(settings.port, '127.0.0.1', () => console.log(`eID provider ${settings.issuer}, for development only`));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
