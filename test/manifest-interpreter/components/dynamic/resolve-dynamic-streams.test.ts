import { describe, expect, it } from 'vitest'
import { resolveDynamicStreams } from '../../../../manifest-interpreter/components/dynamic/resolve-dynamic-streams.ts'
import { SourceError } from '../../../../manifest-interpreter/contracts.ts'
import { loadManifest } from '../../../../manifest-interpreter/manifest/load-manifest.ts'
import {
  compileGlob,
  find,
} from '../../../../manifest-interpreter/components/transformations/dpath.ts'
import { answeredBuilder } from '../answered-builder.ts'
import type { PlainDict, Value } from '../../../../manifest-interpreter/value/value.ts'

const requester = (path: string): PlainDict => ({
  type: 'HttpRequester',
  url_base: 'https://api.example.com',
  path,
  http_method: 'GET',
})
const selector: PlainDict = {
  type: 'RecordSelector',
  extractor: { type: 'DpathExtractor', field_path: ['data'] },
}
const template: PlainDict = {
  type: 'DeclarativeStream',
  name: '',
  primary_key: [],
  retriever: { type: 'SimpleRetriever', requester: requester('x'), record_selector: selector },
  schema_loader: { type: 'InlineSchemaLoader', schema: {} },
}

function mapping(path: readonly string[], value: string, fields: PlainDict = {}): PlainDict {
  return { type: 'ComponentMappingDefinition', field_path: [...path], value, ...fields }
}
const named = mapping(['name'], "{{ components_values['name'] }}")
const pathed = mapping(['retriever', 'requester', 'path'], '/c/{{ components_values.id }}')

async function resolve(
  resolvers: readonly PlainDict[],
  config: PlainDict = {},
  fields: PlainDict = {},
) {
  const answered = answeredBuilder({
    config,
    bodies: { '/tables': '{"data": [{"name": "t1", "id": 1}, {"name": "t2", "id": 2}]}' },
  })
  const manifest = loadManifest({
    version: '7.0.0',
    type: 'DeclarativeSource',
    check: { type: 'CheckDynamicStream', stream_count: 1 },
    dynamic_streams: resolvers.map((components_resolver) => ({
      type: 'DynamicDeclarativeStream',
      stream_template: template,
      components_resolver,
      ...fields,
    })),
  })
  const streams = await resolveDynamicStreams(manifest, answered.builder)
  return { ...answered, streams }
}

function valueAt(definition: PlainDict, ...path: readonly string[]): Value | undefined {
  return find(definition, compileGlob(path))
}

const configured = (parts: PlainDict = {}): PlainDict => ({
  type: 'ConfigComponentsResolver',
  stream_config: { type: 'StreamConfig', configs_pointer: ['tables'] },
  components_mapping: [named, pathed],
  ...parts,
})

describe('dynamic streams', () => {
  it('are made from a list of the configuration and its default values', async () => {
    const stream_config = {
      type: 'StreamConfig',
      configs_pointer: ['{{ config.pointer }}'],
      default_values: [{ name: 'c', id: 3 }],
    }
    const config = {
      pointer: 'tables',
      tables: [
        { name: 'a', id: 1 },
        { name: 'b', id: 2 },
      ],
    }
    const { streams } = await resolve([configured({ stream_config })], config)
    expect(
      streams.map(({ dynamicStream, definition }) => [
        dynamicStream,
        definition.name,
        valueAt(definition, 'retriever', 'requester', 'path'),
      ]),
    ).toEqual([
      ['dynamic_stream_0', 'a', '/c/1'],
      ['dynamic_stream_0', 'b', '/c/2'],
      ['dynamic_stream_0', 'c', '/c/3'],
    ])
  })

  it('are made from each combination of several lists', async () => {
    const stream_config = ['tables', 'regions'].map((name) => ({
      type: 'StreamConfig',
      configs_pointer: [name],
    }))
    const components_mapping = [
      mapping(
        ['name'],
        "{{ components_values['name'] }}_{{ components_values['source_config_1'][1] }}",
      ),
    ]
    const config = { tables: [{ name: 'a' }, { name: 'b' }], regions: ['eu', 'us'] }
    const { streams } = await resolve([configured({ stream_config, components_mapping })], config)
    expect(streams.map(({ definition }) => definition.name)).toEqual([
      'a_eu',
      'a_us',
      'b_eu',
      'b_us',
    ])
  })

  it('are made from the records of an API, which is asked once', async () => {
    const resolver: PlainDict = {
      type: 'HttpComponentsResolver',
      retriever: {
        type: 'SimpleRetriever',
        requester: requester('/tables'),
        record_selector: selector,
      },
      components_mapping: [named, pathed],
    }
    const { streams, requested } = await resolve([resolver], {}, { name: 'tables' })
    expect(
      streams.map(({ dynamicStream, definition }) => [dynamicStream, definition.name]),
    ).toEqual([
      ['tables', 't1'],
      ['tables', 't2'],
    ])
    expect(requested).toEqual(['https://api.example.com/tables'])
  })

  it('are made from a list of the manifest, whose texts are read as YAML', async () => {
    const parameter = (name: string) => ['retriever', 'requester', 'request_parameters', name]
    const resolver: PlainDict = {
      type: 'ParametrizedComponentsResolver',
      stream_parameters: {
        type: 'StreamParametersDefinition',
        list_of_parameters_for_stream: [{ name: 'p', size: '2' }],
      },
      components_mapping: [
        named,
        mapping(parameter('size'), "{{ components_values['size'] }}", { create_or_update: true }),
        mapping(parameter('s'), '007', { value_type: 'string', create_or_update: true }),
        mapping(parameter('list'), '[a, 1]', { create_or_update: true }),
        mapping(parameter('format'), '%Y-%m-%d', { create_or_update: true }),
        mapping(parameter('absent'), 'x'),
        mapping(parameter('empty'), '0', { create_or_update: true }),
      ],
    }
    const { streams } = await resolve([resolver])
    expect(
      streams.map(({ definition }) => valueAt(definition, ...parameter('').slice(0, 3))),
    ).toEqual([{ size: 2, s: 7, list: ['a', 1], format: '%Y-%m-%d' }])
  })

  it('keep a field where the condition of a mapping does not hold', async () => {
    const components_mapping = [
      named,
      mapping(['primary_key'], 'id', { condition: "{{ components_values.get('id') }}" }),
    ]
    const config = { tables: [{ name: 'a' }, { name: 'b', id: 1 }] }
    const { streams } = await resolve([configured({ components_mapping })], config)
    expect(streams.map(({ definition }) => definition.primary_key)).toEqual([[], 'id'])
  })

  it('refuse a condition where the reference has none', async () => {
    const resolver: PlainDict = {
      type: 'ParametrizedComponentsResolver',
      stream_parameters: {
        type: 'StreamParametersDefinition',
        list_of_parameters_for_stream: [{ name: 'p' }],
      },
      components_mapping: [mapping(['name'], 'x', { condition: 'True' })],
    }
    await expect(resolve([resolver])).rejects.toThrow('condition')
  })

  it('fail where two have the same name, in one list or in two', async () => {
    const config = { tables: [{ name: 'a' }, { name: 'a' }], one: [{ name: 'a' }] }
    const failure = await resolve([configured()], config).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(SourceError)
    expect(failure).toMatchObject({
      failureType: 'config_error',
      message:
        'Dynamic streams list contains a duplicate name: a. Please check your configuration.',
    })
    const first = configured({ stream_config: { type: 'StreamConfig', configs_pointer: ['one'] } })
    await expect(resolve([first, first], config)).rejects.toThrow('duplicate')
  })

  it('fail where a name is no text', async () => {
    await expect(resolve([configured()], { tables: [{ name: 5 }] })).rejects.toThrow('text')
  })
})
