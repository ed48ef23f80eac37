import { afterEach, beforeAll, beforeEach } from 'vitest'
import type { Environment } from '../../plan/environment.ts'
import { TestApi, type TestApiOptions } from '../support/test-api.ts'
import { reactor, type CommandEnd, type CommandOptions } from './service-command-line.ts'
import { newFolder } from '../support/new-folder.ts'

/** Commands of `reactor connect`, and the service that they ask. */
export interface ServiceCommands {
  readonly api: TestApi
  /** The home of the user who gives the commands. */
  readonly folder: string
  readonly environment: Environment
  /** A line without `reactor connect`; its words, if they hold spaces. */
  readonly run: (
    line: string | readonly string[],
    options?: Partial<CommandOptions>,
  ) => Promise<CommandEnd>
  /** Returns the output with `--json`. */
  readonly json: (line: string) => Promise<unknown>
}

/** Each test of the file has a service of its own. */
export function serviceCommands(options: TestApiOptions = {}): ServiceCommands {
  let api: TestApi
  let folder: string
  beforeAll(async () => {
    folder = await newFolder('cli')
  })
  beforeEach(async () => {
    api = await TestApi.start(options)
  })
  afterEach(async () => {
    await api[Symbol.asyncDispose]()
  })
  const environment = (): Environment => ({
    HOME: folder,
    REACTOR_CONNECT_URL: api.url,
    REACTOR_CONNECT_API_KEY: api.key,
  })
  const run: ServiceCommands['run'] = async (line, changes = {}) => {
    const argv = typeof line === 'string' ? line.split(' ') : line
    return reactor(['connect', ...argv], { environment: environment(), ...changes })
  }
  return {
    get api() {
      return api
    },
    get folder() {
      return folder
    },
    get environment() {
      return environment()
    },
    run,
    json: async (line) => JSON.parse((await run(`${line} --json`)).out) as unknown,
  }
}
