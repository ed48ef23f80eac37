import { ConnectError } from '../../protocol/index.ts'
import type { DataService } from '../platform/datasets/data-service.ts'
import type { Jobs } from '../platform/jobs/jobs.ts'
import type { HealthReport, HealthService, PartHealth } from '../service.ts'
import type { Store } from '../store/store.ts'
import type { Vault } from '../platform/vault/vault.ts'

export interface HealthOptions {
  readonly store: Pick<Store, 'ping' | 'checkWrites'> & {
    readonly migrationWatch: Pick<Store['migrationWatch'], 'newer'>
  }
  readonly vault: Pick<Vault, 'check'>
  readonly jobs: Pick<Jobs, 'check' | 'place'>
  /** Undefined: the settings name no brokers. */
  readonly kafka: { check(): Promise<unknown> } | undefined
  /** Undefined: the settings name no Data service. */
  readonly data: Pick<DataService, 'check'> | undefined
  readonly stopping: AbortSignal
  now(): number
}

/** Anybody may send such a request, so the result is cached, and takes this long at most. */
const goodForMs = 1_000
const timeoutMs = 3_000
/** Longer, because they cost more: a check of writes, and one of Kafka, which connects. */
const costlyGoodForMs = 5_000

/** The consequences of an outage of parts without which requests can still be served. */
const consequences: Readonly<Partial<Record<PartHealth['part'], string>>> = {
  kafka:
    'deliveries of webhooks are refused, and runs that go through it or load topics wait, until it is back',
  jobs: 'no schedule fires until it is back',
  data: 'nothing is loaded into its datasets until it can be used',
}

interface Findings {
  readonly parts: readonly PartHealth[]
  readonly warnings: readonly string[]
}

/** Checks that the parts that requests and schedules need respond. */
export class ProcessHealthService implements HealthService {
  readonly #options: HealthOptions
  readonly #parts: () => Promise<Findings>
  readonly #writes: () => Promise<string | undefined>
  readonly #kafka: (() => Promise<string | undefined>) | undefined

  constructor(options: HealthOptions) {
    this.#options = options
    const now = (): number => options.now()
    this.#parts = cacheFor(goodForMs, now, () => this.#ask())
    this.#writes = cacheFor(costlyGoodForMs, now, () =>
      problemOf('the metadata database', 'written', options.store.checkWrites()),
    )
    const { kafka } = options
    if (kafka !== undefined)
      this.#kafka = cacheFor(costlyGoodForMs, now, () => problemOf('Kafka', 'used', kafka.check()))
  }

  live(): boolean {
    return true
  }

  async report(): Promise<HealthReport> {
    const { parts, warnings: found } = await this.#parts()
    const problems = parts.flatMap(({ part, problem }) =>
      problem === undefined || consequences[part] !== undefined ? [] : [problem],
    )
    const away = parts.flatMap(({ part, problem }) => {
      const consequence = consequences[part]
      return problem === undefined || consequence === undefined
        ? []
        : [`${problem}: ${consequence}`]
    })
    const stopping = this.#options.stopping.aborted ? ['the service stops'] : []
    const outdated = outdatedText(this.#options.store.migrationWatch.newer)
    const own = [...stopping, ...(outdated === undefined ? [] : [outdated])]
    return { problems: [...own, ...problems], warnings: [...away, ...found], parts }
  }

  async #ask(): Promise<Findings> {
    const { vault, jobs, data } = this.#options
    let unusable = 0
    const checkVault = async (): Promise<void> => {
      unusable = (await vault.check()).unusable
    }
    const checks: readonly (readonly [PartHealth['part'], Promise<string | undefined>])[] = [
      ['metadata_database', this.#database()],
      ['vault', problemOf('the vault', 'used', checkVault())],
      ...(this.#kafka === undefined ? [] : [['kafka', this.#kafka()] as const]),
      ...(jobs.place === null
        ? []
        : [['jobs', problemOf('the Jobs service', 'used', jobs.check())] as const]),
      ...(data === undefined
        ? []
        : [['data', problemOf('the Data service', 'used', data.check())] as const]),
    ]
    const parts = await Promise.all(
      checks.map(async ([part, check]) => ({ part, problem: await check })),
    )
    return { parts, warnings: unusable === 0 ? [] : [unusableText(unusable)] }
  }

  async #database(): Promise<string | undefined> {
    const problem = await problemOf('the metadata database', 'used', this.#options.store.ping())
    return problem ?? this.#writes()
  }
}

/** Checks again only if the last result is older. */
function cacheFor<Answer>(
  goodMs: number,
  now: () => number,
  ask: () => Promise<Answer>,
): () => Promise<Answer> {
  let cached: { readonly atMs: number; readonly answer: Promise<Answer> } | undefined
  return () => {
    const atMs = now()
    if (cached === undefined || atMs - cached.atMs > goodMs) cached = { atMs, answer: ask() }
    return cached.answer
  }
}

/** Undefined: no newer version has migrated the metadata database. */
function outdatedText(newer: AbortSignal): string | undefined {
  if (!newer.aborted) return undefined
  const { message } = ConnectError.from(newer.reason)
  return `${message}: this process takes no more runs and fires no schedules; replace it with that version`
}

/** Anybody may read it, so it names no file and no instance. */
function unusableText(count: number): string {
  const [files, them] =
    count === 1 ? ['1 file of the vault is', 'it'] : [`${count} files of the vault are`, 'them']
  return `${files} damaged or cannot be read, and what needs ${them} fails: \`reactor connect doctor\` on the machine of the service, with its \`--config\` or \`--data-dir\`, names ${them}`
}

/**
 * Names the part and the error's code, and the problem of a key file: anybody may read it, so it has no
 * address and no folder.
 */
async function problemOf(
  part: string,
  verb: 'used' | 'written',
  check: Promise<unknown>,
): Promise<string | undefined> {
  const timeout = Promise.withResolvers<string>()
  const timer = setTimeout(() => {
    timeout.resolve(`${part} does not respond in time`)
  }, timeoutMs)
  const answer = check.then(
    () => undefined,
    (thrown: unknown) => {
      const { code, details } = ConnectError.from(thrown)
      const { reason } = details
      const why = code === 'vault_key_wrong' && typeof reason === 'string' ? `: ${reason}` : ''
      return `${part} cannot be ${verb} (${code})${why}`
    },
  )
  try {
    return await Promise.race([answer, timeout.promise])
  } finally {
    clearTimeout(timer)
  }
}
