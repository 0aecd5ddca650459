/**
 * One HTTP GET with what a company network asks for: proxy variables, a CA file, credentials in the URL.
 * Node's own fetch knows neither proxies nor SSL_CERT_FILE, and uv, which knows both, is what is being fetched.
 * No retries and no cache.
 */

import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { rootCertificates } from 'node:tls';

import type { Environment } from './environment.js';

/** What to get, and how. */
export interface GetRequest {
  readonly url: URL;
  readonly accept: string;
  readonly environment: Environment;
  readonly signal: AbortSignal;
  /** A longer body is refused. */
  readonly maxBytes: number;
}

/** Without an answer; uv's variable counts for us as well. */
const TIMEOUT_SECONDS = 30;
/** For everything: a server that sends a byte now and then is no better than one that sends none. */
const TOTAL_MINUTES = 15;
const MAX_REDIRECTS = 5;

/** Body and final address of a successful GET. */
export async function httpGet(request: GetRequest): Promise<{ readonly body: Buffer; readonly url: URL }> {
  const limit = AbortSignal.timeout(TOTAL_MINUTES * 60_000);
  try {
    return await follow({ ...request, signal: AbortSignal.any([request.signal, limit]) });
  } catch (error) {
    if (!limit.aborted || request.signal.aborted) throw error;
    throw new Error(`${withoutCredentials(request.url)} took longer than ${TOTAL_MINUTES} minutes`, { cause: error });
  }
}

async function follow(request: GetRequest): Promise<{ readonly body: Buffer; readonly url: URL }> {
  let url = request.url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const response = await send({ ...request, url });
    const status = response.statusCode ?? 0;
    const location = response.headers.location;
    if (status >= 300 && status < 400 && location !== undefined) {
      response.resume();
      url = new URL(location, url);
      continue;
    }
    if (status !== 200) {
      response.resume();
      throw new Error(`the server answered ${status} for ${withoutCredentials(url)}`);
    }
    return { body: await readBody(response, request.maxBytes), url };
  }
  throw new Error(`too many redirects from ${withoutCredentials(request.url)}`);
}

/** An address that may be shown: without user name and password. */
export function withoutCredentials(url: URL): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  return shown.href;
}

async function send(request: GetRequest): Promise<IncomingMessage> {
  const { url, environment, signal } = request;
  const secure = url.protocol === 'https:';
  const proxy = proxyFor(url, environment);
  const headers: Record<string, string> = { accept: request.accept, 'user-agent': 'flavorpack-native' };
  const credentials = basic(url);
  if (credentials !== undefined) headers['authorization'] = credentials;
  const timeoutSeconds = timeoutOf(environment);
  const common = { method: 'GET', headers, signal, timeout: timeoutSeconds * 1000 };
  const ca = certificates(environment);
  return new Promise((resolve, reject) => {
    const start = (socket?: Socket): void => {
      const tunnel = socket === undefined ? {} : { socket, agent: false as const };
      const outgoing = secure
        ? httpsRequest(url, { ...common, ...tunnel, ...(ca === undefined ? {} : { ca }) })
        : proxy === undefined
          ? httpRequest(url, common)
          : httpRequest(proxy, { ...common, path: url.href, headers: { ...headers, host: url.host } });
      outgoing.once('response', resolve);
      outgoing.once('error', reject);
      outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer in ${timeoutSeconds} s`)));
      outgoing.end();
    };
    if (!secure || proxy === undefined) {
      start();
      return;
    }
    const host = `${url.hostname}:${url.port === '' ? 443 : url.port}`;
    const authorization = basic(proxy);
    const connect = httpRequest(proxy, {
      method: 'CONNECT',
      path: host,
      headers: { host, ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }) },
      signal,
      timeout: common.timeout,
    });
    connect.once('connect', (response, socket) => {
      if (response.statusCode === 200) start(socket);
      else reject(new Error(`the proxy answered ${response.statusCode ?? 0}`));
    });
    connect.once('error', reject);
    connect.once('timeout', () => connect.destroy(new Error('the proxy does not answer')));
    connect.end();
  });
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBytes) {
      response.destroy();
      throw new Error(`the answer is longer than ${maxBytes} bytes`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function timeoutOf(environment: Environment): number {
  const seconds = Number(environment['UV_HTTP_TIMEOUT']);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : TIMEOUT_SECONDS;
}

function basic(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

function certificates(environment: Environment): string[] | undefined {
  const file = environment['SSL_CERT_FILE'];
  return file === undefined || file === '' ? undefined : [...rootCertificates, readFileSync(file, 'utf8')];
}

function proxyFor(url: URL, environment: Environment): URL | undefined {
  const read = (name: string): string => environment[name.toLowerCase()] ?? environment[name] ?? '';
  const exempt = read('NO_PROXY')
    .split(',')
    .map((entry) => entry.trim().replace(/^\./, ''))
    .filter((entry) => entry !== '');
  if (exempt.some((entry) => entry === '*' || url.hostname === entry || url.hostname.endsWith(`.${entry}`))) {
    return undefined;
  }
  const proxy = (url.protocol === 'https:' ? read('HTTPS_PROXY') : read('HTTP_PROXY')) || read('ALL_PROXY');
  if (proxy === '') return undefined;
  return new URL(proxy.includes('://') ? proxy : `http://${proxy}`);
}
