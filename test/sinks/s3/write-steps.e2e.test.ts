import { expect, test } from 'vitest'
import { ObjectStorage } from '../../../storage/object-storage.ts'
import { startRun, type Started } from '../../cli/reactor-command.ts'
import { runHere } from '../../cli/run-here.ts'
import { FaultyProxy, type ProxiedRequest, type S3Step } from '../../fakes/s3/faulty-proxy.ts'
import { S3Server } from '../../fakes/s3/s3-server.ts'
import { startVersityGateway } from '../../fakes/s3/versity-gateway.ts'
import { runFile } from '../../support/run-file.ts'
import { usually } from '../../support/long.ts'
import { keysOf } from './s3-objects.ts'
import { allOnce, hasDuckDb, seenRows } from './seen-rows.ts'

const rows = 20_000

interface Moment {
  readonly mode: 'append' | 'overwrite'
  readonly step: S3Step
  /** Whether the server has done it. */
  readonly done: boolean
}

const steps: Readonly<Record<Moment['mode'], readonly S3Step[]>> = {
  append: ['write manifest', 'complete upload', 'send part', 'begin upload'],
  // Its files are completed at its end, and then those of before are deleted.
  overwrite: ['complete upload', 'delete object', 'write manifest', 'send part'],
}
const moments: readonly Moment[] = (['append', 'overwrite'] as const).flatMap((mode) =>
  steps[mode].flatMap((step) => [false, true].map((done) => ({ mode, step, done }))),
)
/** Its sync has ended with the commit before it: what it has left to do changes nothing any more. */
const isAfterEnd = ({ mode, step }: Moment): boolean =>
  mode === 'overwrite' && (step === 'complete upload' || step === 'delete object')
const nameOf = ({ mode, step, done }: Moment): string =>
  `${done ? 'after' : 'before'} its request to ${step}, ${mode}`
const cases = usually(2, moments)

test.each(cases.map((moment) => [nameOf(moment), moment] as const))(
  'a run that is killed %s leaves no half object, and loses and doubles no row',
  async (_, moment) => {
    await using bucket = await startBucket(moment)
    const killed = bucket.start()
    await bucket.stopAt(moment, () => {
      killed.process.kill('SIGKILL')
      return Promise.resolve('cut')
    })
    await killed.end
    const now = await bucket.seen()
    if (moment.mode === 'append') {
      expect(now.ids).toBe(now.rows)
      expect(now.rows).toBeGreaterThan(0)
      expect(now.rows).toBeLessThan(rows)
    } else expect(now.ids).toBe(rows)
    await bucket.complete()
    expect(await bucket.seen()).toEqual(allOnce(rows))
  },
  300_000,
)

test.each(cases.map((moment) => [nameOf(moment), moment] as const))(
  'a run that is frozen %s and wakes after its successor changes nothing, and is fenced unless it had ended',
  async (_, moment) => {
    await using bucket = await startBucket(moment)
    const frozen = bucket.start()
    let keys: readonly string[] = []
    await bucket.stopAt(moment, async () => {
      frozen.process.kill('SIGSTOP')
      await bucket.complete()
      expect(await bucket.seen()).toEqual(allOnce(rows))
      keys = await bucket.keys()
      frozen.process.kill('SIGCONT')
      // A request that was on its way arrives only now.
      return 'pass'
    })
    const { code, stdout } = await frozen.end
    expect(stdout.includes('"fenced"')).toBe(!isAfterEnd(moment))
    expect(code === 0).toBe(isAfterEnd(moment))
    expect(await bucket.seen()).toEqual(allOnce(rows))
    expect(await bucket.keys()).toEqual(keys)
  },
  300_000,
)

interface TestBucket extends AsyncDisposable {
  start(): Started
  complete(): Promise<void>
  /** Does the work once, when the process of `start` comes to the moment. */
  stopAt(moment: Moment, work: () => Promise<'cut' | 'pass'>): Promise<void>
  seen(): ReturnType<typeof seenRows>
  keys(): Promise<readonly string[]>
}

/** For an overwrite, it has the rows of a run before. */
async function startBucket({ mode }: Moment): Promise<TestBucket> {
  const server = await (hasDuckDb ? startVersityGateway() : S3Server.start())
  await new ObjectStorage(server.config).put('other', Buffer.from('x')) // it makes the bucket
  const proxy = await FaultyProxy.start(server.config)
  const file = await runFile({
    connection: 'shop',
    source: {
      type: 'faker',
      config: { seed: 7, streams: [{ name: 'n', rows, columns: 'narrow', state_every: 500 }] },
    },
    destination: { type: 's3', url: `s3:${server.config.bucket}/exports` },
    metadata: 'none',
    limits: { commit_bytes: 65_536, commit_ms: 10 },
    streams: [
      {
        name: 'n',
        ...(mode === 'overwrite' && { sync_mode: 'full_refresh' }),
        destination_sync_mode: mode,
      },
    ],
  })
  const env = {
    AWS_ACCESS_KEY_ID: server.config.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.config.secretAccessKey,
    AWS_ENDPOINT_URL_S3: proxy.config.url,
  }
  const complete = async (): Promise<void> => {
    const end = await runHere(file.path, { args: ['--json'], env })
    expect(end.code, end.stdout + end.stderr).toBe(0)
  }
  if (mode === 'overwrite') await complete()
  const files = { prefix: 'exports/n/', glob: '*.jsonl.gz', read: 'read_json' }
  return {
    complete,
    start: () => startRun(file.path, { args: ['--json'], env }),
    stopAt: (moment, work) => stopAt(proxy, moment, work),
    seen: () => seenRows(server.config, files),
    keys: async () => {
      const keys = await keysOf(server.config, files.prefix)
      return keys.filter((key) => !key.startsWith('.'))
    },
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
      await file[Symbol.asyncDispose]()
    },
  }
}

/**
 * The moment comes when a reader sees rows of an earlier transaction already, or, for an overwrite, when the
 * first rows have been sent.
 */
async function stopAt(
  proxy: FaultyProxy,
  { mode, step, done }: Moment,
  work: () => Promise<'cut' | 'pass'>,
): Promise<void> {
  const counted: S3Step = mode === 'append' ? 'complete upload' : 'send part'
  let count = 0
  let moment: ProxiedRequest | undefined
  const isOurs = ({ key }: ProxiedRequest): boolean =>
    step === 'write manifest' || !key.includes('.reactor-connect')
  await new Promise<void>((resolve, reject) => {
    const doWork = async (): Promise<'cut' | 'pass'> => {
      try {
        const then = await work()
        resolve()
        return then
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)))
        return 'cut'
      }
    }
    proxy.onRequest = async (request) => {
      const isMoment = moment === undefined && count > 0 && request.step === step
      if (request.step === counted) count += 1
      if (!isMoment || !isOurs(request)) return undefined
      moment = request
      if (done) return undefined
      return (await doWork()) === 'cut' ? { do: 'cut' } : undefined
    }
    proxy.afterRequest = async (request) => {
      if (done && request === moment) await doWork()
    }
  })
}
