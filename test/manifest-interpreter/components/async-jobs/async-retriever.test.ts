import { describe, expect, it } from 'vitest'
import {
  jsonResponse,
  simulatedEnvironment,
  type Api,
} from '../../support/simulated-environment.ts'
import { simulatedBuilder } from '../../support/simulated-builder.ts'
import type { Dict, PlainDict } from '../../../../manifest-interpreter/value/value.ts'

const requester = (path: string, method = 'GET'): PlainDict => ({
  type: 'HttpRequester',
  url_base: 'https://api.test',
  path,
  http_method: method,
})
const extractor = (...path: string[]): PlainDict => ({ type: 'DpathExtractor', field_path: path })

const definition: PlainDict = {
  type: 'AsyncRetriever',
  status_mapping: {
    type: 'AsyncJobStatusMap',
    running: ['RUNNING'],
    completed: ['DONE'],
    failed: ['FAILED'],
    timeout: ['EXPIRED'],
  },
  status_extractor: extractor('status'),
  creation_requester: requester('/create', 'POST'),
  polling_requester: requester("/poll/{{ creation_response['id'] }}"),
  download_requester: { type: 'HttpRequester', url: '{{ download_target }}', http_method: 'GET' },
  download_target_extractor: extractor('urls'),
  download_extractor: extractor('data'),
  record_selector: { type: 'RecordSelector', extractor: extractor() },
}

const api: Api = ({ url }, count) => {
  if (url.endsWith('/create')) return jsonResponse({ id: 'job-1' })
  if (url.includes('/poll/'))
    return jsonResponse({
      id: 'job-1',
      status: count < 4 ? 'RUNNING' : 'DONE',
      urls: ['https://files.test/1', 'https://files.test/2'],
    })
  return jsonResponse({ data: [{ file: url }] })
}

async function read(changes: PlainDict, answer: Api = api, config: Dict = {}) {
  const environment = simulatedEnvironment(answer)
  const builder = simulatedBuilder(environment, { config })
  const retriever = builder.build(
    'retriever',
    { ...definition, ...changes },
    { streamName: 'items' },
  )
  const records: Dict[] = []
  for await (const slice of retriever.slices?.() ?? [])
    for await (const batch of retriever.read(slice)) records.push(...batch)
  return { records, calls: environment.requests.map(({ method, url }) => `${method} ${url}`) }
}

describe('AsyncRetriever', () => {
  it('creates a job, polls it, and reads all of its results', async () => {
    expect(await read({})).toEqual({
      records: [{ file: 'https://files.test/1' }, { file: 'https://files.test/2' }],
      calls: [
        'POST https://api.test/create',
        'GET https://api.test/poll/job-1',
        'GET https://api.test/poll/job-1',
        'GET https://api.test/poll/job-1',
        'GET https://files.test/1',
        'GET https://files.test/2',
      ],
    })
  })

  it('asks where the results are, and deletes the job when they are read', async () => {
    const { calls } = await read(
      {
        download_target_requester: requester("/targets/{{ polling_response['id'] }}"),
        delete_requester: requester("/delete/{{ creation_response['id'] }}", 'POST'),
      },
      (request, count) =>
        request.url.includes('/targets/')
          ? jsonResponse({ urls: ['https://files.test/3'] })
          : api(request, count),
    )
    expect(calls.slice(4)).toEqual([
      'GET https://api.test/targets/job-1',
      'GET https://files.test/3',
      'POST https://api.test/delete/job-1',
    ])
  })

  it('takes a timeout from the configuration', async () => {
    const slow: Api = ({ url }) =>
      jsonResponse(url.endsWith('/create') ? { id: 'job-1' } : { status: 'RUNNING' })
    await expect(
      read({ polling_job_timeout: "{{ config['minutes'] }}" }, slow, { minutes: 1 }),
    ).rejects.toMatchObject({
      message: 'One or more async jobs failed after exhausting all retry attempts.',
      failureType: 'system_error',
    })
  })

  it.each<[string, PlainDict, string]>([
    [
      'a status that means two things',
      { status_mapping: { running: ['X'], completed: ['X'], failed: [], timeout: [] } },
      'API status X is already set',
    ],
    [
      'a request for targets that nobody extracts',
      { download_target_requester: requester('/targets'), download_target_extractor: null },
      '`download_target_extractor` required',
    ],
    [
      'an action that only a stream of pages has',
      {
        polling_requester: {
          ...requester('/poll'),
          error_handler: {
            type: 'DefaultErrorHandler',
            response_filters: [{ type: 'HttpResponseFilter', action: 'REDUCE_PAGE_SIZE' }],
          },
        },
      },
      'not supported on the `polling_requester`',
    ],
    ['a wait that is no time', { failed_retry_wait_time_in_seconds: -1 }, 'must be >= 1'],
  ])('is not built with %s', async (_, changes, message) => {
    await expect(read(changes)).rejects.toThrow(message)
  })
})
