import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'

/** What a process took. */
export const measured = z.object({
  seconds: z.number(),
  cpuSeconds: z.number(),
  peakRssMb: z.number(),
})
export type Measured = z.infer<typeof measured>

const folder = new URL('.', import.meta.url).pathname
/** A paged API, read as most manifests read one. */
export const pagedManifest = join(folder, 'manifest.yaml')
/** One large answer. */
export const largeBodyManifest = join(folder, 'large-body.yaml')

export interface Files extends AsyncDisposable {
  readonly directory: string
  readonly config: string
  readonly catalog: string
}

/** The configuration for an API, and a catalog with its stream. */
export async function writeFiles(url: string): Promise<Files> {
  const directory = await mkdtemp(join(tmpdir(), 'reactor-bench-manifest-'))
  const config = join(directory, 'config.json')
  const catalog = join(directory, 'catalog.json')
  await writeFile(config, JSON.stringify({ url }))
  const stream = {
    name: 'items',
    json_schema: { type: 'object', properties: {} },
    supported_sync_modes: ['full_refresh', 'incremental'],
  }
  const configured = { stream, sync_mode: 'incremental', destination_sync_mode: 'append' }
  await writeFile(catalog, JSON.stringify({ streams: [configured] }))
  return {
    directory,
    config,
    catalog,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}

/** Starts a server of this folder, in a process of its own so that its work is in nobody's figure. It prints its port. */
export async function startServer(
  file: string,
  options: readonly number[],
): Promise<AsyncDisposable & { readonly url: string }> {
  const argv = [join(folder, file), ...options.map(String)]
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    url: `http://127.0.0.1:${port.toString().trim()}`,
    async [Symbol.asyncDispose]() {
      child.kill()
      await once(child, 'exit')
    },
  }
}

/** As the first line of cli/main.ts says. */
const nodeFlags = ['--max-semi-space-size=8']

/** Reads the stream by the command line, as a whole process. Its output goes nowhere. */
export async function readSource(manifest: string, { config, catalog }: Files): Promise<Measured> {
  const command = ['connect', 'source', 'read', '--manifest', manifest]
  const files = ['--config', config, '--catalog', catalog]
  const started = performance.now()
  const program = [...nodeFlags, join(folder, 'read-once.ts')]
  const child = spawn(process.execPath, [...program, ...command, ...files], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    env: loopbackAllowed(),
  })
  const figures: Buffer[] = []
  child.stdio[3]?.on('data', (chunk: Buffer) => figures.push(chunk))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`the read exited with ${String(code)}`)
  const usage: unknown = JSON.parse(Buffer.concat(figures).toString('utf8'))
  const seconds = (performance.now() - started) / 1000
  return measured.parse({ ...Object(usage), seconds })
}

export function loopbackAllowed(): NodeJS.ProcessEnv {
  return { ...process.env, REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.0/8' }
}
