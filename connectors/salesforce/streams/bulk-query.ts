import { z } from 'zod'
import { CsvRecords } from '../../../rows/csv-records.ts'
import { MalformedRows } from '../../../rows/malformed-rows.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { urlPath } from '../../action.ts'
import { SalesforceRefusal, type SalesforceApi } from './salesforce-api.ts'

export interface BulkPage {
  readonly rows: readonly Readonly<Record<string, string>>[]
  /** Where the next page begins; null after the last one. */
  readonly locator: string | null
}

const jobSchema = z.object({
  id: z.string(),
  state: z.string(),
  errorMessage: z.string().nullish(),
})

const firstWaitSeconds = 3
const longestWaitSeconds = 60
/** A page is held in memory. */
const pageBytes = 16 * 1024 * 1024
const firstPageRows = 5_000
const mostPageRows = 100_000

const csv = { delimiter: ',', quote: '"', escape: '"', nulls: new Set<string>() }

/** A query of the Bulk API 2.0. Salesforce keeps its results for seven days. */
export class BulkQuery {
  readonly id: string
  readonly #api: SalesforceApi
  #pageRows = firstPageRows

  constructor(api: SalesforceApi, id: string) {
    this.#api = api
    this.id = id
  }

  /** Undefined if Salesforce does not read such an object in bulk. */
  static async begin(
    api: SalesforceApi,
    soql: string,
    { withDeleted }: { readonly withDeleted: boolean },
  ): Promise<BulkQuery | undefined> {
    const operation = withDeleted ? 'queryAll' : 'query'
    try {
      const { id } = jobIn(api, await api.post('jobs/query', { operation, query: soql }))
      return new BulkQuery(api, id)
    } catch (error) {
      if (error instanceof SalesforceRefusal && error.status === 400) return undefined
      throw error
    }
  }

  /** Resolves when there are results; false if Salesforce no longer has the job. */
  async complete(): Promise<boolean> {
    for (let seconds = firstWaitSeconds; ; seconds = Math.min(seconds * 2, longestWaitSeconds)) {
      const job = await this.#poll()
      if (job === undefined) return false
      const { state, errorMessage: said } = job
      if (state === 'JobComplete') return true
      if (state === 'Failed' || state === 'Aborted') {
        const reason = `the job ${this.id} of the Bulk API ended as ${state}: ${said ?? 'it gives no reason'}`
        const details = { subject: this.#api.subject, reason }
        throw new ConnectError('source_unavailable', { details })
      }
      await this.#api.sleep(seconds)
    }
  }

  /** Undefined if Salesforce no longer has the results. */
  async page(locator: string | null): Promise<BulkPage | undefined> {
    const params = { maxRecords: this.#pageRows, ...(locator !== null && { locator }) }
    try {
      const response = await this.#api.bytes(urlPath`jobs/query/${this.id}/results`, params)
      const { bytes } = response
      const rows = this.#rows(bytes)
      const announced = response.header('sforce-numberofrecords')
      if (announced !== String(rows.length))
        throw this.#api.unreadable('A page of a job has not as many rows as it says.')
      if (rows.length > 0) this.#fit(bytes.length / rows.length)
      const next = response.header('sforce-locator') ?? 'null'
      return { rows, locator: next === 'null' ? null : next }
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
  }

  async #poll(): Promise<z.output<typeof jobSchema> | undefined> {
    try {
      return jobIn(this.#api, await this.#api.get(urlPath`jobs/query/${this.id}`))
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
  }

  #rows(bytes: Uint8Array): BulkPage['rows'] {
    try {
      const text = Buffer.from(bytes).toString('utf8')
      const [names = [], ...rows] = new CsvRecords(csv).push(text, { isLast: true })
      if (rows.some(({ length }) => length !== names.length))
        throw this.#api.unreadable('A page of a job was cut off.')
      return rows.map((row) =>
        Object.fromEntries(names.map((name, place) => [name ?? '', row[place] ?? ''])),
      )
    } catch (error) {
      if (!(error instanceof MalformedRows)) throw error
      throw this.#api.unreadable(`A page of a job ${error.message}.`)
    }
  }

  #fit(rowBytes: number): void {
    const rows = Math.floor(pageBytes / Math.max(rowBytes, 1))
    this.#pageRows = Math.min(Math.max(rows, 1_000), mostPageRows)
  }
}

function isGone(error: unknown): boolean {
  return error instanceof SalesforceRefusal && error.status === 404
}

function jobIn(api: SalesforceApi, body: unknown): z.output<typeof jobSchema> {
  const parsed = jobSchema.safeParse(body)
  if (parsed.success) return parsed.data
  throw api.unreadable('It does not describe a job of the Bulk API.')
}
