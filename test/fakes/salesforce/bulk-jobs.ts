import type { JsonObject } from '../../../protocol/index.ts'
import { csvOf } from './rendered.ts'
import { SalesforceError } from './salesforce-error.ts'
import type { QueryResult } from './soql.ts'

interface QueryJob {
  readonly info: JsonObject
  readonly result: QueryResult
  /** How often it is asked for until it is complete. */
  pollsLeft: number
  state: 'UploadComplete' | 'InProgress' | 'JobComplete' | 'Failed' | 'Aborted'
}

export interface BulkResults {
  readonly csv: string
  readonly headers: Readonly<Record<string, string>>
}

/** Query jobs of the Bulk API 2.0. */
export class BulkJobs {
  readonly jobs = new Map<string, QueryJob>()
  /** How often the next jobs are asked for until they are complete. */
  polls = 1
  /** The next job fails with this message. */
  failsWith: string | undefined
  #count = 0

  create(
    info: { readonly operation: string; readonly query: string },
    result: QueryResult,
  ): JsonObject {
    const bad = result.object.fields.find(
      ({ name, type }) => result.columns.includes(name) && unsupported.has(type),
    )
    if (bad !== undefined)
      throw new SalesforceError(
        'INVALID_FIELD',
        `Selecting compound data not supported in Bulk Query: ${bad.name}`,
      )
    this.#count += 1
    const id = `750Hs${String(this.#count).padStart(10, '0')}IAA`
    const facts = { contentType: 'CSV', lineEnding: 'LF', columnDelimiter: 'COMMA', apiVersion: 66 }
    const job: QueryJob = {
      info: {
        id,
        operation: info.operation,
        object: result.object.name,
        ...facts,
        concurrencyMode: 'Parallel',
      },
      result,
      pollsLeft: this.polls,
      state: 'UploadComplete',
    }
    this.jobs.set(id, job)
    return shown(job)
  }

  poll(id: string): JsonObject {
    const job = this.#job(id)
    if (job.state !== 'Aborted') {
      job.pollsLeft -= 1
      job.state = job.pollsLeft < 0 ? this.#end() : 'InProgress'
    }
    const message = job.state === 'Failed' ? { errorMessage: this.failsWith ?? '' } : {}
    return { ...shown(job), numberRecordsProcessed: job.result.rows.length, ...message }
  }

  abort(id: string): JsonObject {
    const job = this.#job(id)
    job.state = 'Aborted'
    return shown(job)
  }

  delete(id: string): void {
    this.#job(id)
    this.jobs.delete(id)
  }

  /** `locator`: the number of rows before the page, as text in Base64. */
  results(
    id: string,
    { locator, maxRecords }: { readonly locator: string | null; readonly maxRecords: number },
  ): BulkResults {
    const { state, result } = this.#job(id)
    if (state !== 'JobComplete')
      throw new SalesforceError('INVALIDJOBSTATE', 'The job is not complete', { status: 400 })
    const start = locator === null ? 0 : Number(Buffer.from(locator, 'base64').toString())
    if (!Number.isInteger(start))
      throw new SalesforceError('INVALID_LOCATOR', 'Invalid locator', { status: 400 })
    const page = result.rows.slice(start, start + maxRecords)
    const end = start + page.length
    const isLast = end >= result.rows.length
    return {
      csv: csvOf(result.columns, page),
      headers: {
        'sforce-numberofrecords': String(page.length),
        'sforce-locator': isLast ? 'null' : Buffer.from(String(end)).toString('base64'),
      },
    }
  }

  #end(): QueryJob['state'] {
    return this.failsWith === undefined ? 'JobComplete' : 'Failed'
  }

  #job(id: string): QueryJob {
    const job = this.jobs.get(id)
    if (job !== undefined) return job
    throw new SalesforceError('NOT_FOUND', 'The requested resource does not exist', { status: 404 })
  }
}

const unsupported = new Set(['address', 'location', 'base64'])

function shown({ info, state }: QueryJob): JsonObject {
  return { ...info, state }
}
