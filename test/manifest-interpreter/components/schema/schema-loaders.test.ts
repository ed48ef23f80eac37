import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildSchemaLoader } from '../../../../manifest-interpreter/components/schema/build-schema-loader.ts'
import { answeredBuilder } from '../answered-builder.ts'
import type { PlainDict, Value } from '../../../../manifest-interpreter/value/value.ts'
import { newFolder } from '../../../support/new-folder.ts'

let directory = ''
beforeAll(async () => {
  const parent = await newFolder('schemas')
  directory = join(parent, 'source_acme')
  const write = async (path: string, content: unknown) => {
    await mkdir(join(directory, path, '..'), { recursive: true })
    await writeFile(join(directory, path), JSON.stringify(content))
  }
  await write('../outside.json', { type: 'object' })
  await write('schemas/users.json', {
    properties: {
      id: { type: 'integer' },
      address: { $ref: 'address.json#/definitions/address' },
      team: { $ref: '#/definitions/team' },
    },
    definitions: { team: { type: 'string' } },
  })
  await write('schemas/shared/address.json', {
    definitions: {
      address: {
        type: 'object',
        properties: { city: { $ref: '#/definitions/city' } },
        definitions: {},
      },
      city: { type: 'string' },
    },
  })
  await write('schemas/endless.json', { allOf: [{ $ref: '#' }, { $ref: '#' }] })
  await writeFile(join(directory, 'schemas/broken.json'), '{')
  await symlink(join(parent, 'outside.json'), join(directory, 'schemas/link.json'))
})

function load(schemaLoader: Value | undefined, stream: PlainDict = {}): Promise<unknown> {
  const { builder } = answeredBuilder({ manifestDirectory: directory })
  const definition: PlainDict = { type: 'DeclarativeStream', name: 'users', ...stream }
  if (schemaLoader !== undefined) definition.schema_loader = schemaLoader
  return buildSchemaLoader(definition, builder).schema()
}

const resolvedUsers = {
  properties: {
    id: { type: 'integer' },
    address: { type: 'object', properties: { city: { type: 'string' } } },
    team: { type: 'string' },
  },
  definitions: { team: { type: 'string' } },
}

describe('a schema in a file', () => {
  it.each([
    './schemas/users.json',
    'schemas/{{ parameters.name }}.json',
    '/schemas/users.json',
    './source_acme/schemas/users.json',
  ])('is found at %s, its references resolved', async (path) => {
    const loader = { type: 'JsonFileSchemaLoader', file_path: path, $parameters: { name: 'users' } }
    expect(await load(loader)).toEqual(resolvedUsers)
  })

  it('is the one that has the name of the stream where no loader is given', async () => {
    expect(await load(undefined)).toEqual(resolvedUsers)
  })

  it('is an empty schema where there is no file at the default place', async () => {
    expect(await load(undefined, { name: 'unknown' })).toEqual({})
  })

  it('is missed where its place is given', async () => {
    await expect(load({ type: 'JsonFileSchemaLoader', file_path: './nope.json' })).rejects.toThrow(
      'Cannot find file ./nope.json',
    )
  })

  it.each(['../outside.json', 'x/../../outside.json', 'schemas/link.json'])(
    'is not read outside of the folder of the manifest: %s',
    async (path) => {
      await expect(load({ type: 'JsonFileSchemaLoader', file_path: path })).rejects.toThrow(
        'Cannot find',
      )
    },
  )

  it.each(['broken', 'endless'])('that is %s fails', async (name) => {
    await expect(load(undefined, { name })).rejects.toThrow(/Invalid JSON|nested deeper|too large/)
  })
})

describe('several schema loaders', () => {
  it('make one schema, of which the first to name a property decides', async () => {
    const inline = (properties: PlainDict) => ({
      type: 'InlineSchemaLoader',
      schema: { properties },
    })
    const loaders = [inline({ a: { type: 'string' } }), inline({ a: { type: 'number' }, b: {} })]
    expect(await load(loaders)).toEqual({
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: ['null', 'object'],
      properties: { a: { type: 'string' }, b: {} },
    })
  })

  it('need properties', async () => {
    await expect(load([{ type: 'InlineSchemaLoader', schema: {} }])).rejects.toThrow('properties')
  })
})

const fields = [
  { name: 'Id', type: 'int' },
  { name: 'tags', type: ['string', 'integer'] },
  { name: 'both', type: ['text', 'int'] },
  { name: 'list', type: 'multi' },
  { name: 'untyped' },
]

function dynamic(parts: PlainDict = {}, identifier: PlainDict = {}): PlainDict {
  return {
    type: 'DynamicSchemaLoader',
    retriever: {
      type: 'SimpleRetriever',
      requester: {
        type: 'HttpRequester',
        url_base: 'https://api.example.com',
        path: '/fields',
        http_method: 'GET',
      },
      record_selector: {
        type: 'RecordSelector',
        extractor: { type: 'DpathExtractor', field_path: [] },
      },
    },
    schema_type_identifier: {
      type: 'SchemaTypeIdentifier',
      schema_pointer: ['fields'],
      key_pointer: ['name'],
      type_pointer: ['type'],
      types_mapping: [
        {
          type: 'TypesMap',
          current_type: 'int',
          target_type: 'integer',
          condition: "{{ raw_schema['name'] != 'x' }}",
        },
        { type: 'TypesMap', current_type: ['text', 'int'], target_type: ['string', 'integer'] },
        {
          type: 'TypesMap',
          current_type: 'multi',
          target_type: {
            type: 'ComplexFieldType',
            field_type: 'array',
            items: { type: 'ComplexFieldType', field_type: 'array', items: 'date' },
          },
        },
      ],
      ...identifier,
    },
    ...parts,
  }
}

async function loadDynamic(definition: PlainDict, body: unknown) {
  const answered = answeredBuilder({ bodies: { '/fields': JSON.stringify(body) } })
  const loader = buildSchemaLoader(
    { type: 'DeclarativeStream', name: 'users', schema_loader: definition },
    answered.builder,
  )
  const schema = await loader.schema()
  return { ...answered, loader, schema }
}

describe('a DynamicSchemaLoader', () => {
  it('makes the schema from the description of its fields', async () => {
    const { schema } = await loadDynamic(dynamic(), { fields })
    const list = {
      type: ['null', 'array'],
      items: { type: ['null', 'array'], items: { type: ['null', 'string'], format: 'date' } },
    }
    const textOrInt = { oneOf: [{ type: ['null', 'string'] }, { type: ['null', 'integer'] }] }
    expect(schema).toEqual({
      $schema: 'https://json-schema.org/draft-07/schema#',
      type: 'object',
      additionalProperties: true,
      properties: {
        Id: { type: ['null', 'integer'] },
        tags: textOrInt,
        both: textOrInt,
        list,
        untyped: { type: ['null', 'string'] },
      },
    })
  })

  it('filters and transforms the properties', async () => {
    const definition = dynamic({
      schema_filter: { type: 'RecordFilter', condition: "{{ record.keys() | first != 'list' }}" },
      schema_transformations: [{ type: 'KeysToLower' }],
    })
    const { schema } = await loadDynamic(definition, { fields })
    expect(schema).toMatchObject({ properties: { id: { type: ['null', 'integer'] } } })
    expect(schema).not.toHaveProperty('properties.list')
  })

  it('asks the API once', async () => {
    const { loader, requested, schema } = await loadDynamic(dynamic(), { fields })
    expect(await loader.schema()).toBe(schema)
    expect(requested).toEqual(['https://api.example.com/fields'])
  })

  it.each([
    ['a type that Airbyte does not have', { fields: [{ name: 'a', type: 'float' }] }],
    ['a field without a name', { fields: [{ type: 'int' }] }],
    ['no list of fields', { other: 1 }],
  ])('fails for %s', async (_, body) => {
    await expect(loadDynamic(dynamic(), body)).rejects.toThrow()
  })

  it('refuses items of what is no array', async () => {
    const types_mapping = [
      {
        type: 'TypesMap',
        current_type: 'a',
        target_type: { type: 'ComplexFieldType', field_type: 'object', items: 'string' },
      },
    ]
    await expect(loadDynamic(dynamic({}, { types_mapping }), { fields })).rejects.toThrow('array')
  })
})
