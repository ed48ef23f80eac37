import { z } from 'zod'
import { readCatalog } from '../../connectors/catalog.ts'
import { connectorOf, nativeTypes } from '../../connectors/registry.ts'
import {
  objectMappingProblem,
  type ObjectOptions,
} from '../../engine/two-way/connector/object-shape.ts'
import { nameList, nameSuggestion, nearestName } from '../../lib/text/near-names.ts'
import type { JsonObject } from '../../protocol/index.ts'
import type { FieldLens } from '../../sinks/two-way/lens.ts'
import { allowedNetworksOf, catalogFolderOf } from '../environment.ts'
import type { FileProblem } from '../run-file/file-problem.ts'
import { resolveSource, textsOfConfig } from '../run-file/source.ts'
import { pollSeconds } from './pair-file-schema.ts'
import type { ReadSide, SideKind, SideParts, SideProblems, SideStream } from './side-kind.ts'

const name = z.string().min(1)
const mode = z.enum(['guarded', 'fast'])

const sideFields = z.strictObject({
  config: z.record(z.string(), z.unknown()).default({}),
  mode: mode.default('guarded'),
  poll_seconds: pollSeconds.default(60),
})

/** The vendor's value and the shared one. */
const pairs = z.array(z.tuple([z.string(), z.string()])).min(1)

const words = z.union([
  pairs.transform((list) => ({ pairs: list, others: 'refused' as const })),
  z.strictObject({ pairs, others: z.enum(['same', 'refused']).default('refused') }),
])

/** As the shared text: `true` is the text of a checkbox. */
const constant = z.union([z.string(), z.number(), z.boolean()]).transform(String)

const objectFields = z.strictObject({
  object: name,
  key: name.optional(),
  link_field: name.optional(),
  cursor: name.optional(),
  modified: name.optional(),
  deleted: name.optional(),
  missing: z.enum(['hidden', 'deleted']).optional(),
  mode: mode.optional(),
  values: z.record(name, words).optional(),
  constants: z.record(name, constant).optional(),
})

/** `Contact`, or the same with more. */
const objectPlace = z.union([
  name.transform((object): z.output<typeof objectFields> => ({ object })),
  objectFields,
])

/** A vendor whose connector has a writer; its objects are the streams. */
export const connectorKind: SideKind = {
  read: async (parts: SideParts, problems: SideProblems) => {
    const fields = problems.check(sideFields, parts.config)
    const objects = parts.streams.map((stream) => readObject(stream, problems))
    const source =
      fields === undefined ? undefined : await readSource(parts, fields.config, problems)
    if (fields === undefined || source === undefined) return undefined
    const complete = objects.filter((object) => object !== undefined)
    if (complete.length < objects.length) return undefined
    const { type, config, place, secrets } = source
    return {
      ...{ place, secrets, pollMs: fields.poll_seconds * 1_000 },
      streamPlaces: new Map(
        complete.map(({ stream, object }) => [stream, `${place} ${object.object}`]),
      ),
      side: {
        ...{ kind: 'connector', connector: type, config, mode: fields.mode },
        instance: `side ${parts.side}`,
        allowedNetworks: allowedNetworksOf(parts.environment),
      },
      streams: new Map(
        complete.map(({ stream, object }) => [stream, { kind: 'connector', object }]),
      ),
    } satisfies ReadSide
  },
}

interface ReadSource extends Pick<ReadSide, 'place' | 'secrets'> {
  readonly type: string
  readonly config: JsonObject
}

/** The connector and its configuration, as a run file's source has them. */
async function readSource(
  { side, type, environment, folder }: SideParts,
  input: Readonly<Record<string, unknown>>,
  problems: SideProblems,
): Promise<ReadSource | undefined> {
  const found: FileProblem[] = []
  const catalogFolder = catalogFolderOf(environment)
  const entry = readCatalog(catalogFolder).get(type)
  const connector = entry === undefined ? undefined : await connectorOf(entry.connectorType)
  if (connector !== undefined && connector.writes === undefined) {
    problems.add({
      path: ['type'],
      problem: `${connector.descriptor.title} can only be read`,
      fix: `Use ${nameList(['postgres', ...(await writableTypes())])}.`,
    })
    return undefined
  }
  const context = { folder, catalogFolder, environment, base: [side] }
  const source = await resolveSource({ type, config: input }, found, context)
  problems.addFound(found)
  if (source === undefined || connector?.writes === undefined) return undefined
  const { writes, descriptor } = connector
  const { secret, shown } = textsOfConfig(source.config, descriptor.spec)
  return {
    ...source,
    // An address may have a user and a password.
    place: `${type} ${writes.account(source.config).replace(/(?<=:\/\/)[^/?#]*@/, '')}`,
    secrets: secret.filter((text) => text.length >= minSecretLength && !shown.includes(text)),
  }
}

/** Shorter ones cannot be distinguished from ordinary words in a text. */
const minSecretLength = 4

async function writableTypes(): Promise<readonly string[]> {
  const types = nativeTypes()
  const connectors = await Promise.all(types.map((type) => connectorOf(type)))
  return types.filter((_type, index) => connectors[index]?.writes !== undefined)
}

function readObject(
  stream: SideStream,
  problems: SideProblems,
): { readonly stream: string; readonly object: ObjectOptions } | undefined {
  const read = problems.check(objectPlace, stream.place, stream.name)
  if (read === undefined) return undefined
  const { link_field: linkField, values = {}, constants = {}, ...options } = read
  const object: ObjectOptions = {
    ...{ ...options, linkField, fields: stream.fields },
    values: new Map(
      Object.entries(values).map(([field, { pairs, others }]) => [
        field,
        { kind: 'values', pairs, passes: others === 'same' } satisfies FieldLens,
      ]),
    ),
    constants: new Map(Object.entries(constants)),
  }
  const found = objectProblem(stream, object)
  if (found === undefined) return { stream: stream.name, object }
  problems.add({ ...found, stream: stream.name })
  return undefined
}

type ObjectProblem = Omit<Parameters<SideProblems['add']>[0], 'stream'>

function objectProblem(
  { fields, deletes }: SideStream,
  object: ObjectOptions,
): ObjectProblem | undefined {
  const { values = new Map<string, FieldLens>(), constants, deleted } = object
  if (deletes === 'soft' && deleted === undefined)
    return {
      path: ['deleted'],
      problem: 'is missing, and deletions are `soft`',
      fix: 'Name the field of the vendor that marks a record as deleted.',
    }
  const names = [...fields.keys()]
  const unknown = [...values.keys()].find((field) => !fields.has(field))
  if (unknown !== undefined)
    return {
      path: ['values', unknown],
      problem: `the stream has no field ${unknown}`,
      fix: `${nameSuggestion(nearestName(unknown, names))}It has ${nameList(names)}, by their shared names.`,
    }
  const unlawful = objectMappingProblem(object)
  if (unlawful === undefined) return undefined
  const { field, problem, fix } = unlawful
  return { path: fieldPath(field, values, constants), problem: `field ${field}: ${problem}`, fix }
}

function fieldPath(
  field: string,
  values: ReadonlyMap<string, FieldLens>,
  constants: ReadonlyMap<string, string> | undefined,
): readonly string[] {
  if (values.has(field)) return ['values', field]
  return constants?.has(field) === true ? ['constants', field] : []
}
