import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { JsonObject } from '../../../../protocol/index.ts'
import { newFolder } from '../../../support/new-folder.ts'

const execute = promisify(execFile)

export type SyncMode = 'incremental' | 'full_refresh'

export interface BareStream {
  readonly name: string
  readonly json_schema: JsonObject
  readonly supported_sync_modes: readonly SyncMode[]
  readonly source_defined_primary_key?: readonly (readonly string[])[]
  readonly default_cursor_field?: readonly string[]
}

type BareRecord = Readonly<Record<string, unknown>>

/** A connector by itself, as its own documentation starts it. */
export class BareConnector {
  readonly #program: string
  readonly #environment: Readonly<Record<string, string>>

  constructor(program: string, environment: Readonly<Record<string, string>>) {
    this.#program = program
    this.#environment = environment
  }

  async check(config: object): Promise<{ readonly status: string; readonly message?: string }> {
    const [message] = await this.#ask('check', { config })
    return (message?.connectionStatus ?? { status: 'none' }) as { readonly status: string }
  }

  async discover(config: object): Promise<readonly BareStream[]> {
    const messages = await this.#ask('discover', { config })
    const found = messages.find(({ type }) => type === 'CATALOG')
    const catalog = found?.catalog as { readonly streams: readonly BareStream[] } | undefined
    return catalog?.streams ?? []
  }

  /** The records of streams by their names, in the order in which they came. */
  async read(
    config: object,
    streams: readonly { readonly stream: BareStream; readonly mode: SyncMode }[],
  ): Promise<ReadonlyMap<string, readonly BareRecord[]>> {
    const catalog = {
      streams: streams.map(({ stream, mode }) => ({
        stream,
        sync_mode: mode,
        destination_sync_mode: 'append',
        cursor_field: stream.default_cursor_field ?? [],
        primary_key: stream.source_defined_primary_key ?? [],
      })),
    }
    const records = new Map<string, BareRecord[]>(streams.map(({ stream }) => [stream.name, []]))
    for (const { type, record } of await this.#ask('read', { config, catalog })) {
      if (type !== 'RECORD') continue
      const { stream, data } = record as { readonly stream: string; readonly data: BareRecord }
      records.get(stream)?.push(data)
    }
    return records
  }

  async #ask(
    command: string,
    files: Readonly<Record<string, object>>,
  ): Promise<readonly { readonly type?: string; readonly [name: string]: unknown }[]> {
    const folder = await newFolder('bare')
    const args: string[] = []
    for (const [name, document] of Object.entries(files)) {
      const path = join(folder, `${name}.json`)
      await writeFile(path, JSON.stringify(document))
      args.push(`--${name}`, path)
    }
    const { PATH = '' } = process.env
    const { stdout } = await execute(this.#program, [command, ...args], {
      cwd: folder,
      env: { PATH, HOME: folder, LANG: 'C.UTF-8', ...this.#environment },
      maxBuffer: 2 ** 28,
    }).catch((error: unknown) => {
      const { stdout: out = '', stderr = '' } = error as { stdout?: string; stderr?: string }
      throw new Error(`${command}: ${stderr.slice(-2_000)} ${out.slice(-3_000)}`)
    })
    return stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { readonly type?: string })
      .filter(({ type }) => type !== 'LOG' && type !== 'TRACE')
  }
}
