// A package index on this machine, over a folder of distributions, which may ask for a name and a password.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** A running index. */
export class PackageIndex {
  readonly #server: Server;
  /** Paths that were asked with the right credentials. */
  readonly served: string[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Serves the files of a folder; `credentials` is `name:password`. */
  static async start(folder: string, credentials?: string): Promise<PackageIndex> {
    const expected = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
    const index = new PackageIndex(
      createServer((request, response) => {
        if (expected !== undefined && request.headers.authorization !== expected) {
          response.writeHead(401, { 'www-authenticate': 'Basic realm="index"' }).end();
          return;
        }
        const path = decodeURIComponent(new URL(request.url ?? '/', 'http://index').pathname);
        index.served.push(path);
        const project = /^\/simple\/([^/]+)\/$/.exec(path)?.[1];
        const names = readdirSync(folder);
        const file = /^\/files\/([^/]+)$/.exec(path)?.[1];
        if (project !== undefined) {
          const own = names.filter((name) => fold(name.split(/-\d/)[0] ?? '') === fold(project));
          if (own.length === 0) return void response.writeHead(404).end();
          const links = own.map((name) => `<a href="/files/${name}#sha256=${digest(join(folder, name))}">${name}</a>`);
          response.writeHead(200, { 'content-type': 'text/html' }).end(`<!DOCTYPE html>${links.join('\n')}`);
        } else if (file !== undefined && names.includes(file)) {
          response.writeHead(200).end(readFileSync(join(folder, file)));
        } else {
          response.writeHead(404).end();
        }
      }),
    );
    await new Promise<void>((ready) => index.#server.listen(0, '127.0.0.1', ready));
    return index;
  }

  /** `host:port`. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-');
}

function digest(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
