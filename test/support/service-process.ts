import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { nodeFlags } from '../../bench/measured-process.ts'
import { readLocalService } from '../../service/serve/local-service-file.ts'
import { builtProgram } from './program.ts'
import { folderInMemory } from './temporary-folder.ts'

/** `reactor connect serve` as a user runs it, with a data folder. */
export interface ServiceProcess {
  readonly process: ChildProcess
  readonly url: string
  readonly key: string
  /** stdout and stderr so far. */
  output(): string
  /** Returns a response of the API with a status below 300, parsed. */
  ask<Answer>(schema: z.ZodType<Answer>, path: string, request?: ApiRequest): Promise<Answer>
  /** SIGKILL. */
  kill9(): Promise<void>
  /** SIGTERM; gives the exit code. */
  stop(): Promise<number | null>
}
export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly body?: unknown
}

export interface ServiceFolder extends AsyncDisposable {
  readonly path: string
  start(options?: ServiceStart): Promise<ServiceProcess>
}
export interface ServiceStart {
  readonly args?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** The key of a service that has not made the first key itself. */
  readonly key?: string
  /** Default: as it is built. */
  readonly program?: string
}

/**
 * A data folder of its own, in memory: on a disk, most of a first start is the wait until a new database is
 * written. Disposing ends every service that was started in it.
 */
export async function serviceFolder(): Promise<ServiceFolder> {
  const folder = await folderInMemory('service')
  const { path } = folder
  const started: ServiceProcess[] = []
  return {
    path,
    start: async (options = {}) => {
      const service = await startService(path, options)
      started.push(service)
      return service
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(started.map((service) => service.kill9()))
      await folder[Symbol.asyncDispose]()
    },
  }
}

async function startService(folder: string, options: ServiceStart): Promise<ServiceProcess> {
  const { args = [], environment = {}, program = builtProgram() } = options
  const child = spawn(
    process.execPath,
    [
      ...nodeFlags,
      program,
      'connect',
      'serve',
      '--data-dir',
      folder,
      '--bind',
      '127.0.0.1:0',
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, ...environment } },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
      child.emit('text')
    })
  }
  const end = once(child, 'close')
  const url = await listening(child, () => output)
  const key = options.key ?? (await readLocalService(folder))?.apiKey ?? ''
  const ended = async (): Promise<number | null> => {
    await end
    return child.exitCode
  }
  return {
    process: child,
    url,
    key,
    output: () => output,
    ask: async (schema, path, request = {}) => schema.parse(await ask({ url, key }, path, request)),
    kill9: async () => {
      child.kill('SIGKILL')
      await ended()
    },
    stop: () => {
      child.kill('SIGTERM')
      return ended()
    },
  }
}

const startedLine = /Reactor Connect listens on (http:[^\s,]+)/

async function listening(child: ChildProcess, output: () => string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const look = (): void => {
    const url = startedLine.exec(output())?.[1]
    if (url !== undefined) resolve(url)
  }
  child.on('text', look)
  child.once('close', () => {
    reject(new Error(`the service ended: ${output()}`))
  })
  return promise
}

async function ask(
  { url, key }: { readonly url: string; readonly key: string },
  path: string,
  { method, body }: ApiRequest,
): Promise<unknown> {
  const response = await fetch(`${url}/connect/v1${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path} answered ${String(response.status)}: ${text}`)
  return text === '' ? null : JSON.parse(text)
}

/** The fields of a run that tests look at. */
export const runSchema = z.object({
  id: z.string(),
  status: z.enum(['queued', 'running', 'complete', 'partial', 'failed', 'cancelled']),
  trigger: z.string(),
  attempts: z.number(),
  read: z.number(),
  loaded: z.number(),
  rejected: z.number(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  streams: z.array(z.object({ name: z.string(), status: z.string(), loaded: z.number() })),
})
export type WireRun = z.output<typeof runSchema>

/** The run as soon as it is as wanted. */
export async function runWhen(
  service: ServiceProcess,
  id: string,
  isWanted: (run: WireRun) => boolean,
): Promise<WireRun> {
  const giveUpAt = Date.now() + 60_000
  for (;;) {
    const run = await service.ask(runSchema, `/runs/${id}`)
    if (isWanted(run)) return run
    if (hasEnded(run)) throw new Error(`the run ended: ${JSON.stringify(run)}\n${service.output()}`)
    if (Date.now() > giveUpAt)
      throw new Error(`the run is still ${JSON.stringify(run)}\n${service.output()}`)
    await sleep(100)
  }
}

export function hasEnded({ status }: WireRun): boolean {
  return status !== 'queued' && status !== 'running'
}
