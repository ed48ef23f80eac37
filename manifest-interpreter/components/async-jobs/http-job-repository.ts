import { SourceError } from '../../contracts.ts'
import { copy, dictOf, has, isDict, merged, set } from '../../value/dict.ts'
import { typeError, valueError } from '../../value/python-error.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import { str } from '../../value/text.ts'
import { PyObject, type Dict, type Value } from '../../value/value.ts'
import { AsyncJob, type AsyncJobStatus } from './async-job.ts'
import type { Environment, Extractor, Requester, Retriever } from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'

export interface HttpJobRepositoryOptions {
  readonly environment: Environment
  readonly creation: Requester
  readonly polling: Requester
  readonly download: Retriever
  readonly abort: Requester | null
  readonly delete: Requester | null
  readonly statusExtractor: Extractor
  readonly statuses: ReadonlyMap<string, AsyncJobStatus>
  readonly downloadTarget: Requester | null
  readonly downloadTargetExtractor: Extractor | null
  readonly timeoutSeconds: number
}

/** The jobs of a stream at its API: a request for each thing that can be done with them. */
export class HttpJobRepository {
  readonly #options: HttpJobRepositoryOptions

  constructor(options: HttpJobRepositoryOptions) {
    this.#options = options
  }

  async create(slice: StreamSlice): Promise<AsyncJob> {
    const { creation: requester, environment, timeoutSeconds } = this.#options
    const creation = await send(requester, slice)
    if (creation?.ok !== true)
      throw noAnswer('Always expect a response or an exception from creation_requester')
    return new AsyncJob({ slice, environment, timeoutSeconds, creation })
  }

  async updateStatus(job: AsyncJob): Promise<void> {
    const response = await send(this.#options.polling, await sliceOf(job))
    if (response === null) throw noAnswer('Polling Requester received an empty Response.')
    const status = await this.#statusIn(response)
    job.update(status)
    if (status === 'COMPLETED') job.polling = response
  }

  async #statusIn(response: HttpResponse): Promise<AsyncJobStatus> {
    const found = str(await firstOf(this.#options.statusExtractor.extract(response)))
    const status = this.#options.statuses.get(found)
    if (status === undefined)
      throw valueError(
        `API status \`${found}\` is unknown. Contact the connector developer to make sure this status is supported.`,
      )
    return status
  }

  /** The records of a complete job. */
  async *records(job: AsyncJob): AsyncIterable<readonly Dict[]> {
    for await (const target of this.#downloadTargets(job)) {
      const { partition, cursorSlice, extraFields } = job.slice
      const slice = new StreamSlice({
        partition,
        cursorSlice,
        extraFields: merged(
          extraFields,
          dictOf([
            ['download_target', target],
            ['creation_response', await contextOf(job.creation)],
            ['polling_response', await contextOf(job.polling)],
          ]),
        ),
      })
      yield* this.#options.download.read(slice)
    }
  }

  /** Where the job's results are; an empty text if there is one place only. */
  async *#downloadTargets(job: AsyncJob): AsyncIterable<Value> {
    const { downloadTarget, downloadTargetExtractor } = this.#options
    if (downloadTargetExtractor === null) {
      yield ''
      return
    }
    const response = downloadTarget === null ? job.polling : await askTargets(downloadTarget, job)
    if (response === null) throw noAnswer('The job has no response that says that it is complete.')
    for await (const targets of downloadTargetExtractor.extract(response)) yield* targets
  }

  async abort(job: AsyncJob): Promise<void> {
    if (this.#options.abort !== null)
      await discard(await send(this.#options.abort, await sliceOf(job)))
  }

  async delete(job: AsyncJob): Promise<void> {
    if (this.#options.delete !== null)
      await discard(await send(this.#options.delete, await sliceOf(job)))
  }
}

function send(requester: Requester, slice: StreamSlice): Promise<HttpResponse | null> {
  return requester.send({ scope: { slice, nextPageToken: null } })
}

async function askTargets(requester: Requester, job: AsyncJob): Promise<HttpResponse> {
  const polling = dictOf([['polling_response', await contextOf(job.polling)]])
  const response = await send(requester, new StreamSlice({ extraFields: polling }))
  if (response?.ok !== true)
    throw noAnswer('Always expect a response or an exception from download_target_requester')
  return response
}

async function discard(response: HttpResponse | null): Promise<void> {
  await response?.discard()
}

/** The slice of a job, with the response to its creation for templates. */
async function sliceOf({ creation, slice }: AsyncJob): Promise<StreamSlice> {
  const { partition, cursorSlice, extraFields } = slice
  return new StreamSlice({
    partition,
    cursorSlice,
    extraFields: merged(extraFields, dictOf([['creation_response', await contextOf(creation)]])),
  })
}

/** A response as templates see it: its JSON, and its headers and request if the JSON has no such keys. */
async function contextOf(response: HttpResponse | null): Promise<Dict> {
  if (response === null) throw typeError('The job was not created.')
  const body = await response.json()
  if (!isDict(body)) throw typeError('The response to a job request must be an object.')
  const context = copy(body)
  if (!has(context, 'headers')) set(context, 'headers', response.headers)
  if (!has(context, 'request')) set(context, 'request', requestObject(response))
  return context
}

/** The request of a response, as templates see it. */
function requestObject({ request }: HttpResponse): PyObject {
  return new PyObject({
    type: 'PreparedRequest',
    attribute: (name) => {
      switch (name) {
        case 'method':
          return request?.method
        case 'url':
          return request?.url
        case 'body':
          return request?.body
        case 'headers':
          return request === undefined ? undefined : new Map<Value, Value>(request.headers)
        default:
          return undefined
      }
    },
  })
}

async function firstOf(batches: AsyncIterable<readonly Value[]>): Promise<Value> {
  for await (const [first] of batches) if (first !== undefined) return first
  return null
}

function noAnswer(internalMessage: string): SourceError {
  return new SourceError('Something went wrong in the connector. See the logs for more details.', {
    failureType: 'system_error',
    internalMessage,
  })
}
