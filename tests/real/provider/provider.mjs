// An OpenID provider that nobody here wrote, in the clothes of Entra: its paths, its tenants' names, its extra fields.
//
// CERTIFICATE and KEY name PEM files. PORT is the port, or 0 for any. Once it listens it prints one line of JSON,
// {"port":…,"authority":"https://localhost:…","tenant":…}; it ends when its standard input does. Anybody may sign in,
// with any password: the name becomes the account. GET /__hits counts requests by endpoint since it was last asked.
//
// Where it stays itself: refresh tokens serve the scopes that were consented to and no others; one that is used twice
// takes its whole family with it; access tokens are opaque; "issuer" and the redirect's "iss" name the real tenant.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

import Provider from 'oidc-provider';

const TENANT = '3d6f8a10-5b27-4e94-a1c3-70e2d98b4f65';
const ALIASES = new Set([TENANT, 'organizations', 'common']);
const CLIENT = '04b07795-8ddb-461a-bbee-02f9e1bf7b46';
const SCOPES = ['https://vault.example/.default', 'https://vault.example/keys.read'];
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

/** The provider's own prefix, under which it is mounted. */
const HOME = `/${TENANT}/v2.0`;

function provider(authority) {
  const made = new Provider(authority + HOME, {
    clients: [{
      client_id: CLIENT,
      client_name: 'a native client',
      // Lets the redirect have any port (RFC 8252 section 7.3).
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['localhost', '127.0.0.1', '[::1]'].flatMap((host) => [`http://${host}`, `http://${host}/`]),
      grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE],
      response_types: ['code'],
    }],
    scopes: ['openid', 'profile', 'offline_access', ...SCOPES],
    claims: { openid: ['sub', 'oid', 'tid'], profile: ['preferred_username', 'name'] },
    // Entra puts these into the id token itself.
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({ accountId: id, claims: () => person(id) }),
    pkce: { required: () => true },
    rotateRefreshToken: true,
    routes: {
      authorization: '/oauth2/authorize',
      token: '/oauth2/token',
      device_authorization: '/oauth2/devicecode',
      code_verification: '/device',
      jwks: '/keys',
    },
    features: { devInteractions: { enabled: true }, deviceFlow: { enabled: true } },
    ttl: {
      AccessToken: 3600, AuthorizationCode: 60, DeviceCode: 600, Grant: 86400, IdToken: 3600, Interaction: 600,
      RefreshToken: 86400, Session: 86400,
    },
    cookies: { keys: [randomBytes(16).toString('hex')] },
  });
  made.use(dress);
  for (const event of ['server_error', 'authorization.error', 'device_authorization.error', 'grant.error']) {
    made.on(event, (_, error) => {
      console.error(event, error.error ?? error, error.error_description ?? '', error.error_detail ?? '');
    });
  }
  return made;
}

function person(id) {
  return { sub: id, oid: `oid-${id}`, tid: TENANT, preferred_username: `${id}@vault.example`, name: id };
}

/** Adds to answers what Entra's have beside the standard's fields. */
async function dress(ctx, next) {
  await next();
  const answer = ctx.body;
  if (answer?.user_code) {
    answer.interval = 1;
    answer.message = `To sign in, open the page ${answer.verification_uri} and enter the code ${answer.user_code}.`;
  }
  if (answer?.access_token) {
    answer.ext_expires_in = answer.expires_in;
    const account = ctx.oidc.entities.Account?.accountId;
    if (account && ctx.oidc.body?.client_info === '1') {
      const home = { uid: person(account).oid, utid: TENANT };
      answer.client_info = Buffer.from(JSON.stringify(home)).toString('base64url');
    }
  }
  if (answer?.token_endpoint) {
    for (const [name, value] of Object.entries(answer)) {
      if (typeof value === 'string') answer[name] = value.replace(`${HOME}/oauth2/`, `/${TENANT}/oauth2/v2.0/`);
    }
  }
}

/** The prompts that this provider knows, for those that were asked of Entra. */
function prompts(query) {
  const asked = new Set((query.get('prompt') ?? '').split(' ').filter(Boolean));
  if (asked.delete('select_account')) asked.add('login');
  // OpenID Connect section 11 has refresh tokens depend on consent; Entra does not.
  if (query.get('scope')?.split(' ').includes('offline_access') && !asked.has('none')) asked.add('consent');
  if (asked.size) query.set('prompt', [...asked].join(' '));
}

let hits = {};

function answer(callback, request, response) {
  const url = new URL(request.url, 'https://localhost');
  if (url.pathname === '/__hits') {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(hits));
    hits = {};
    return;
  }
  const [, tenant, ...rest] = url.pathname.split('/');
  let path = rest.join('/');
  // Its own paths count too, by their first word; one of them leads from its pages back to the redirect.
  const [endpoint] = path
    .replace(/^v2\.0\/oauth2\/authorize\//, 'resume/')
    .replace(/^(oauth2\/)?v2\.0\/(\.well-known\/)?/, '')
    .split('/');
  if (!ALIASES.has(tenant) || !endpoint) {
    response.statusCode = 404;
    response.end();
    return;
  }
  hits[endpoint] = (hits[endpoint] ?? 0) + 1;
  path = path.replace(/^oauth2\/v2\.0\//, 'v2.0/oauth2/');
  if (path === 'v2.0/oauth2/authorize') prompts(url.searchParams);
  // What it takes its mount point from.
  request.originalUrl = `/${TENANT}/${path}${url.search}`;
  request.url = request.originalUrl.slice(HOME.length);
  callback(request, response);
}

function listen(port, host, tls) {
  return new Promise((resolve, reject) => {
    const server = createServer(tls);
    server.once('error', reject);
    server.listen(port, host, () => resolve(server));
  });
}

/** Servers on both loopback addresses, on one port: "localhost" is either, and another's port would be a trap. */
async function both(port, tls) {
  for (let tries = 0; ; tries += 1) {
    const four = await listen(port, '127.0.0.1', tls);
    try {
      return [four, await listen(four.address().port, '::1', tls)];
    } catch (error) {
      if (['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(error.code)) return [four];
      four.close();
      if (port !== 0 || tries === 8) throw error;
    }
  }
}

const tls = { cert: readFileSync(process.env.CERTIFICATE), key: readFileSync(process.env.KEY) };
const servers = await both(Number(process.env.PORT ?? 0), tls);
const { port } = servers[0].address();
const authority = `https://localhost:${port}`;
const callback = provider(authority).callback();
for (const server of servers) server.on('request', (request, response) => answer(callback, request, response));
process.stdout.write(`${JSON.stringify({ port, authority, tenant: TENANT })}\n`);
// Nobody need read on.
console.log = console.info = console.error;
process.stdin.resume().on('end', () => process.exit());
