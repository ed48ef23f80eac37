import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test, type TestContext } from 'vitest'
import { z } from 'zod'
import {
  pythonEnvironment,
  pythonVersion,
  type PythonEnvironment,
} from '../../bench/peers/python-environment.ts'
import { TrackerApi } from '../fakes/tracker-api.ts'
import { newFolder } from '../support/new-folder.ts'

const root = new URL('../../', import.meta.url).pathname
const cacheDir = join(homedir(), '.cache', 'reactor-connect-test')

const outcome = z.object({
  check: z.enum(['succeeded', 'failed']),
  processed: z.number().optional(),
  issues: z.array(z.number()).optional(),
})

// It installs some hundred megabytes from the package index: only if it is asked for.
describe.skipIf(process.env.PYAIRBYTE !== '1')('PyAirbyte', () => {
  test(
    'checks and reads a source of ours, and goes on from its state',
    { timeout: 600_000 },
    async (context) => {
      const { python } = await installed(context)
      const folder = await newFolder('pyairbyte')
      await using api = await TrackerApi.start(2)
      api.addIssues(3)
      const executable = await sourceCommand(folder)
      const read = (url: string) => drive(python, { folder, executable, config: { url } })

      expect(await read(`${api.url}/nowhere`)).toEqual({ check: 'failed' })

      const first = await read(api.url)
      // Two projects, with three issues each.
      expect(first).toMatchObject({ check: 'succeeded', processed: 8 })
      expect(first.issues).toEqual([1, 2, 3, 4, 5, 6])

      api.addIssues(1)
      api.requests.length = 0
      const second = await read(api.url)
      expect(second.issues).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
      // The projects once more, and of each the new issue and the one that its state names.
      expect(second.processed).toBe(6)
      const since = api.requests.filter((path) => path.includes('since='))
      expect(since.every((path) => !path.includes('since=2026-01-01T00:00:00Z'))).toBe(true)
    },
  )

  test(
    'checks and reads a native connector, and goes on from its state',
    { timeout: 600_000 },
    async (context) => {
      const { python } = await installed(context)
      const folder = await newFolder('pyairbyte-native')
      const executable = await nativeCommand(folder)
      const stream = { name: 'items', columns: 'narrow', slices: 2, state_every: 10 }
      const read = async (rows: number) => {
        const config = { streams: [{ ...stream, rows }] }
        return driveNative(python, { folder, executable, config })
      }
      const first = await read(50)
      expect(first).toMatchObject({ processed: 50 })
      expect(new Set(first.ids).size).toBe(50)
      const second = await read(57)
      expect(second.processed).toBe(7)
      expect(new Set(second.ids).size).toBe(57)
    },
  )
})

async function nativeCommand(folder: string): Promise<string> {
  const path = join(folder, 'source-native')
  const command = `"${process.execPath}" "${root}cli/main.ts" connect source`
  await writeFile(path, `#!/bin/sh\nexec ${command} --type faker "$@"\n`)
  await chmod(path, 0o755)
  return path
}

const nativeOutcome = z.object({ processed: z.number(), ids: z.array(z.number()) })

async function driveNative(
  python: string,
  { folder, executable, config }: Drive,
): Promise<z.infer<typeof nativeOutcome>> {
  const script = `${root}test/cli/pyairbyte_native.py`
  const child = spawn(python, [script, executable, JSON.stringify(config), 'items'], {
    cwd: folder,
    env: { ...process.env, AIRBYTE_OFFLINE_MODE: '1', DO_NOT_TRACK: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [out] = await Promise.all([text(child.stdout), once(child, 'close')])
  return nativeOutcome.parse(JSON.parse(out.trimEnd().split('\n').at(-1) ?? ''))
}

async function installed(context: TestContext): Promise<PythonEnvironment> {
  if (pythonVersion() === undefined) context.skip('there is no python3')
  try {
    return await pythonEnvironment(cacheDir, 'pyairbyte', ['airbyte==0.71.3'])
  } catch (error) {
    return context.skip(`PyAirbyte cannot be installed: ${String(error)}`)
  }
}

/** An executable that is a source, as PyAirbyte wants one: `reactor connect source` for one manifest. */
async function sourceCommand(folder: string): Promise<string> {
  const path = join(folder, 'source-tracker')
  const command = `"${process.execPath}" "${root}cli/main.ts" connect source`
  await writeFile(
    path,
    `#!/bin/sh
REACTOR_CONNECT_ALLOWED_NETWORKS=127.0.0.1/32 exec ${command} --manifest "${root}test/fakes/tracker.yaml" "$@"
`,
  )
  await chmod(path, 0o755)
  return path
}

interface Drive {
  /** The folder in which PyAirbyte stores its cache, with the states. */
  readonly folder: string
  readonly executable: string
  readonly config: object
}

async function drive(
  python: string,
  { folder, executable, config }: Drive,
): Promise<z.infer<typeof outcome>> {
  const script = `${root}test/cli/pyairbyte_read.py`
  const child = spawn(python, [script, executable, JSON.stringify(config)], {
    cwd: folder,
    // Without these it asks its registry of connectors, and sends telemetry.
    env: { ...process.env, AIRBYTE_OFFLINE_MODE: '1', DO_NOT_TRACK: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [out] = await Promise.all([text(child.stdout), once(child, 'close')])
  return outcome.parse(JSON.parse(out.trimEnd().split('\n').at(-1) ?? ''))
}
