import { component, field, optionalComponent } from '../../definition.ts'
import { get } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import { str } from '../../value/text.ts'
import { truth } from '../../value/truth.ts'
import { usesAction } from '../retrievers/retriever-rules.ts'
import { asyncJobStatusMap } from './async-job-status-map.ts'
import { HttpJobRepository } from './http-job-repository.ts'
import { isPathDecoder } from '../decoders/json-decoder.ts'
import { JobOrchestrator } from './job-orchestrator.ts'
import { trackerOf } from './job-tracker.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { Requester, Retriever } from '../../contracts.ts'
import type { Dict, PlainDict } from '../../value/value.ts'
import type { AsyncJob } from './async-job.ts'

/**
 * AsyncRetriever: the API makes the records of a slice in a job, and returns them when the job is complete.
 */
export function asyncRetriever(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): Retriever {
  checkRequesters(definition, context.streamName)
  const decoder = builder.build(
    'decoder',
    optionalComponent(definition, 'decoder') ?? { type: 'JsonDecoder' },
    context,
  )
  // The response of a job is looked at several times: for its status, and for where its results are.
  if (isPathDecoder(decoder)) decoder.keepWhole()
  const { stream } = context
  const selector = builder.build('recordSelector', component(definition, 'record_selector'), {
    ...context,
    decoder,
    // As with the reference, a cursor does not filter what a job gave.
    ...(stream !== undefined && { stream: { ...stream, incrementalSync: null } }),
  })
  const repository = buildRepository(definition, builder, { ...context, decoder })
  const retryWaitSeconds = retryWait(definition, builder)
  /** The jobs of the slices that have been given. */
  const jobs = new WeakMap<StreamSlice, readonly AsyncJob[]>()
  return {
    slices: async function* () {
      const orchestrator = new JobOrchestrator({
        slices: context.stream?.slices() ?? onlySlice(),
        repository,
        tracker: trackerOf(builder),
        environment: builder.environment,
        retryWaitSeconds,
      })
      for await (const partition of orchestrator.completedPartitions()) {
        const { partition: values, cursorSlice } = partition.slice
        const slice = new StreamSlice({ partition: values, cursorSlice })
        jobs.set(slice, partition.jobs)
        yield slice
      }
    },
    read: async function* (slice) {
      const records = recordsOf(repository, jobs.get(slice) ?? [])
      for await (const batch of selector.selectFrom(records, { slice, nextPageToken: null }))
        if (batch.records.length > 0) yield batch.records
    },
  }
}

async function* recordsOf(
  repository: HttpJobRepository,
  jobs: readonly AsyncJob[],
): AsyncIterable<readonly Dict[]> {
  for (const job of jobs) {
    yield* repository.records(job)
    await repository.delete(job)
  }
}

// eslint-disable-next-line @typescript-eslint/require-await -- slices are asynchronous, this one is not
async function* onlySlice(): AsyncIterable<StreamSlice> {
  yield StreamSlice.empty
}

function buildRepository(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): HttpJobRepository {
  const { streamName, decoder } = context
  const requester = (name: string, role: string): Requester | null => {
    const found = optionalComponent(definition, name)
    if (found === undefined) return null
    return builder.build('requester', found, {
      ...context,
      streamName: `job ${role} - ${streamName}`,
    })
  }
  const required = (name: string, role: string): Requester =>
    builder.build('requester', component(definition, name), {
      streamName: `job ${role} - ${streamName}`,
      ...(decoder !== undefined && { decoder }),
    })
  const targetExtractor = optionalComponent(definition, 'download_target_extractor')
  return new HttpJobRepository({
    environment: builder.environment,
    creation: required('creation_requester', 'creation'),
    polling: required('polling_requester', 'polling'),
    download: buildDownload(definition, builder, `job download - ${streamName}`),
    abort: requester('abort_requester', 'abort'),
    delete: requester('delete_requester', 'delete'),
    downloadTarget: requester('download_target_requester', 'extract_url'),
    statusExtractor: builder.build('extractor', component(definition, 'status_extractor'), context),
    statuses: asyncJobStatusMap(component(definition, 'status_mapping')),
    downloadTargetExtractor:
      targetExtractor === undefined ? null : builder.build('extractor', targetExtractor, context),
    timeoutSeconds: timeoutMinutes(definition, builder) * 60,
  })
}

/** Reads the results: neither filtered nor transformed, that is done with the records of the stream. */
function buildDownload(definition: PlainDict, builder: Builder, streamName: string): Retriever {
  const extractor = optionalComponent(definition, 'download_extractor') ?? {
    type: 'DpathExtractor',
    field_path: [],
  }
  const decoder = optionalComponent(definition, 'download_decoder')
  const paginator = optionalComponent(definition, 'download_paginator')
  return builder.build(
    'retriever',
    {
      type: 'SimpleRetriever',
      requester: component(definition, 'download_requester'),
      record_selector: { type: 'RecordSelector', extractor },
      ...(decoder !== undefined && { decoder }),
      ...(paginator !== undefined && { paginator }),
    },
    { streamName },
  )
}

const DEFAULT_TIMEOUT_MINUTES = 60

function timeoutMinutes(definition: PlainDict, builder: Builder): number {
  const minutes = integer(definition, 'polling_job_timeout', builder)
  return minutes === null || minutes === 0 ? DEFAULT_TIMEOUT_MINUTES : minutes
}

function retryWait(definition: PlainDict, builder: Builder): number | null {
  const seconds = integer(definition, 'failed_retry_wait_time_in_seconds', builder)
  if (seconds !== null && seconds <= 0)
    throw valueError('failed_retry_wait_time_in_seconds must be >= 1')
  return seconds
}

/** A whole number, which may come from a template; null if it is missing. */
function integer(
  definition: PlainDict,
  name: string,
  { config, templates }: Builder,
): number | null {
  const value = field(definition, name)
  if (value === undefined || !truth(value)) return null
  const evaluated = str(templates.string(str(value), { parameters: {} })({ config })).trim()
  if (!/^[+-]?\d+(?:\.0*)?$/.test(evaluated))
    throw valueError(`${name} must be a whole number. Check the manifest and the configuration.`)
  return Number(evaluated)
}

function checkRequesters(definition: PlainDict, streamName: string): void {
  if (
    optionalComponent(definition, 'download_target_requester') !== undefined &&
    optionalComponent(definition, 'download_target_extractor') === undefined
  )
    throw valueError('`download_target_extractor` required if using a `download_target_requester`')
  for (const [name, value] of Object.entries(definition)) {
    if (!name.endsWith('_requester')) continue
    const handler = get(optionalComponent({ value }, 'value') ?? {}, 'error_handler') ?? null
    for (const action of ['REDUCE_PAGE_SIZE', 'SPLIT_REQUEST_WINDOW'])
      if (usesAction(handler, action))
        throw valueError(
          `The ${action} response action is not supported on the \`${name}\` of the AsyncRetriever of stream ${streamName}. Use a different action on that error handler.`,
        )
  }
}
