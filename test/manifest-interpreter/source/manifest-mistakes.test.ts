import { expect, test } from 'vitest'
import { loadManifest } from '../../../manifest-interpreter/manifest/load-manifest.ts'
import { ManifestSource } from '../../../manifest-interpreter/source/manifest-source.ts'
import { ConnectError } from '../../../protocol/errors/connect-error.ts'
import { childOf, manifest, stream } from '../manifest/manifests.ts'
import { simulatedEnvironment } from '../support/simulated-environment.ts'
import type { Dict, PlainDict, Value } from '../../../manifest-interpreter/value/value.ts'

/** JSON is YAML. */
function loaded(definition: Dict) {
  return loadManifest(JSON.stringify(definition))
}

async function errorOf(
  definition: Dict,
  work: (source: ManifestSource) => Promise<unknown> = (source) => source.check(),
  config: Dict = {},
): Promise<ConnectError> {
  try {
    const environment = simulatedEnvironment()
    await using source = new ManifestSource({ manifest: loaded(definition), config, environment })
    await work(source)
  } catch (error) {
    if (error instanceof ConnectError) return error
    throw error
  }
  throw new Error('The manifest was accepted.')
}

const discover = (source: ManifestSource) => source.discover()

const items = stream('items')
const requester = (more: PlainDict): PlainDict => ({
  requester: { type: 'HttpRequester', url_base: 'https://api.test', path: 'items', ...more },
})
const datetimeCursor: PlainDict = {
  type: 'DatetimeBasedCursor',
  cursor_field: 'at',
  datetime_format: '%Y-%m-%d',
  start_datetime: '2025-01-01',
}
const lazyParent = childOf(stream('shops'))
const [lazyConfig] = lazyParent.parent_stream_configs as [PlainDict]
const reducesPages = {
  error_handler: {
    type: 'DefaultErrorHandler',
    response_filters: [
      { type: 'HttpResponseFilter', http_codes: [413], action: 'REDUCE_PAGE_SIZE' },
    ],
  },
}

test.each<{ name: string; changes: PlainDict; place: string; problem: string }>([
  {
    name: 'a level of concurrency that depends on the configuration, and has no limit',
    changes: {
      concurrency_level: {
        type: 'ConcurrencyLevel',
        default_concurrency: "{{ config['streams'] }}",
      },
    },
    place: 'concurrency_level',
    problem: 'it needs max_concurrency if its default_concurrency depends on the configuration.',
  },
  {
    name: 'a level of concurrency that is no number',
    changes: { concurrency_level: { type: 'ConcurrencyLevel', default_concurrency: 'many' } },
    place: 'concurrency_level',
    problem: 'its default_concurrency must be a whole number, or a template that returns one.',
  },
  {
    name: 'a key that is a path',
    changes: { streams: [{ ...items, primary_key: [['shop', 'id']] }] },
    place: 'primary_key of stream items',
    problem: 'nested keys are not supported. Name top-level fields.',
  },
  {
    name: 'a filter that makes pages smaller without the block that says how',
    changes: { streams: [stream('items', requester(reducesPages))] },
    place: 'the retriever of stream items',
    problem: 'a response filter has the REDUCE_PAGE_SIZE action. Add a page_size_reduction block.',
  },
  {
    name: 'windows that are split without a cursor',
    changes: {
      streams: [stream('items', { request_window_splitting: { type: 'RequestWindowSplitting' } })],
    },
    place: 'request_window_splitting of stream items',
    problem: 'it needs a DatetimeBasedCursor with cursor_granularity.',
  },
  {
    name: 'conditional requests without a cursor',
    changes: { streams: [stream('items', { conditional_requests: true })] },
    place: 'conditional_requests of stream items',
    problem: 'it needs a DatetimeBasedCursor, whose state keeps the ETags.',
  },
  {
    name: 'conditional requests for records that are filtered: the filter may know the time',
    changes: {
      streams: [
        {
          ...stream('items', {
            conditional_requests: true,
            record_selector: {
              type: 'RecordSelector',
              extractor: { type: 'DpathExtractor', field_path: [] },
              record_filter: { type: 'RecordFilter', condition: '{{ true }}' },
            },
          }),
          incremental_sync: datetimeCursor,
        },
      ],
    },
    place: 'conditional_requests of stream items',
    problem: 'it cannot be combined with a record_filter.',
  },
  {
    name: 'a parent that is read lazily, with a cursor that cuts steps',
    changes: {
      streams: [
        {
          ...stream('items', {
            partition_router: {
              ...lazyParent,
              parent_stream_configs: [{ ...lazyConfig, lazy_read_pointer: ['items'] }],
            },
          }),
          incremental_sync: { ...datetimeCursor, step: 'P1D', cursor_granularity: 'P1D' },
        },
      ],
    },
    place: 'lazy_read_pointer of stream items',
    problem:
      'the stream has one slice for each parent, so remove step and cursor_granularity of its cursor.',
  },
  {
    name: 'two streams of other names behind a StateDelegatingStream',
    changes: {
      streams: [
        {
          type: 'StateDelegatingStream',
          name: 'items',
          full_refresh_stream: stream('all'),
          incremental_stream: stream('items'),
        },
      ],
    },
    place: 'stream items',
    problem:
      'full_refresh_stream and incremental_stream of a StateDelegatingStream must have its name.',
  },
])('$name is a mistake that names its place', async ({ changes, place, problem }) => {
  expect(await errorOf(manifest(changes), discover)).toMatchObject({
    code: 'manifest_component_invalid',
    details: { place, problem },
  })
})

test('a check of a stream that is not there names those that are', async () => {
  const check = { type: 'CheckStream', stream_names: ['itms'] }
  expect(await errorOf(manifest({ check }))).toMatchObject({
    code: 'manifest_component_invalid',
    message:
      'The manifest is wrong at stream_names of check: there is no stream itms. Name some of items.',
  })
})

test('names of streams to check that are no list are a mistake in the configuration', async () => {
  const config = { __airbyte_check_stream_names: 'items' }
  expect(await errorOf(manifest(), undefined, config)).toMatchObject({
    code: 'source_config_invalid',
    message:
      'The configuration of the source is invalid: __airbyte_check_stream_names must be a list of names of streams',
  })
})

test('a state of all streams together is refused', async () => {
  const global: Value = { shared_state: { since: '2025' }, stream_states: [] }
  const work = (source: ManifestSource) =>
    source.read(
      { catalog: { streams: [] }, state: [{ type: 'GLOBAL', global }] },
      { records: () => Promise.resolve(), message: () => Promise.resolve() },
    )
  const error = await errorOf(manifest(), work)
  expect(error).toMatchObject({ code: 'source_file_unusable' })
  expect(error.message).toMatch(/^The state cannot be used: it is a GLOBAL state/)
})
