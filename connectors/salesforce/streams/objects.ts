import { z } from 'zod'
import { mapLimited } from '../../../lib/async/map-limited.ts'
import {
  isJsonList,
  isJsonObject,
  type AirbyteStream,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import { urlPath } from '../../action.ts'
import { dataPath } from '../address.ts'
import type { SalesforceApi } from './salesforce-api.ts'

const fieldSchema = z.object({
  name: z.string(),
  type: z.string(),
  label: z.string().nullish(),
  filterable: z.boolean(),
  sortable: z.boolean(),
  calculated: z.boolean(),
})
const objectSchema = z.object({
  name: z.string(),
  replicateable: z.boolean().default(false),
  fields: z.array(fieldSchema),
})
const listSchema = z.object({
  sobjects: z.array(z.object({ name: z.string(), queryable: z.boolean() })),
})

export type SalesforceField = z.output<typeof fieldSchema>
export type SalesforceObject = z.output<typeof objectSchema>

/** How the changes of an object are found. */
export interface ObjectCursor {
  readonly field: string
  /** Records that were deleted are among the changes. */
  readonly showsDeleted: boolean
}

export const deletedAt = '_ab_cdc_deleted_at'
/** A composite request has no more parts. */
const composed = 25
const concurrentRequests = 4

/** The names of the objects that are discovered. */
export async function objectNames(
  api: SalesforceApi,
  config: JsonObject,
): Promise<readonly string[]> {
  const chosen = isJsonList(config.objects) ? config.objects.map(String) : []
  if (chosen.length > 0) return chosen
  const parsed = listSchema.safeParse(await api.get('sobjects'))
  if (!parsed.success) throw api.unreadable('It is no list of objects.')
  return parsed.data.sobjects
    .filter(({ name, queryable }) => queryable && !isUnreadable(name))
    .map(({ name }) => name)
    .toSorted()
}

/** In the order of the names; undefined for what the user may not describe. */
export async function describeObjects(
  api: SalesforceApi,
  names: readonly string[],
): Promise<readonly (SalesforceObject | undefined)[]> {
  const parts: (readonly string[])[] = []
  for (let start = 0; start < names.length; start += composed)
    parts.push(names.slice(start, start + composed))
  const described = await mapLimited(parts, concurrentRequests, (part) => describePart(api, part))
  return described.flat()
}

/** One call, whatever the number of objects. */
async function describePart(
  api: SalesforceApi,
  names: readonly string[],
): Promise<readonly (SalesforceObject | undefined)[]> {
  const compositeRequest = names.map((name, index) => ({
    method: 'GET',
    url: `/${dataPath}${urlPath`/sobjects/${name}/describe`}`,
    referenceId: `object${String(index)}`,
  }))
  const body = await api.post('composite', { allOrNone: false, compositeRequest })
  const answers = isJsonObject(body) ? body.compositeResponse : undefined
  if (!isJsonList(answers) || answers.length !== names.length)
    throw api.unreadable('It does not have the parts of a composite request.')
  return answers.map((answer) => describedIn(api, answer))
}

const refusals = new Set<JsonValue | undefined>([400, 403, 404])

function describedIn(api: SalesforceApi, answer: JsonValue): SalesforceObject | undefined {
  const { httpStatusCode: status, body } = isJsonObject(answer) ? answer : {}
  if (refusals.has(status)) return undefined
  const parsed = objectSchema.safeParse(body)
  if (!parsed.success) throw api.unreadable('It does not describe an object.')
  return parsed.data
}

/** The description of an object as it is now. Rejects with a SalesforceRefusal if there is none. */
export async function describeObject(api: SalesforceApi, name: string): Promise<SalesforceObject> {
  const parsed = objectSchema.safeParse(await api.get(urlPath`sobjects/${name}/describe`))
  if (!parsed.success) throw api.unreadable('It does not describe an object.')
  return parsed.data
}

/** The stream of an object; undefined if it cannot be read in an order. */
export function streamOf(object: SalesforceObject): AirbyteStream | undefined {
  if (object.fields.find(({ name }) => name === 'Id')?.sortable !== true) return undefined
  const cursor = cursorOf(object)
  const properties = object.fields.flatMap((field) => {
    const schema = schemaOf(field)
    return schema === undefined ? [] : [[field.name, schema] as const]
  })
  const deletion = {
    type: ['string', 'null'],
    format: 'date-time',
    airbyte_type: 'timestamp_with_timezone',
  }
  return {
    name: object.name,
    json_schema: {
      type: 'object',
      properties: {
        ...Object.fromEntries(properties),
        ...(cursor?.showsDeleted === true && { [deletedAt]: deletion }),
      },
    },
    supported_sync_modes: cursor === undefined ? ['full_refresh'] : ['full_refresh', 'incremental'],
    source_defined_primary_key: [['Id']],
    is_resumable: true,
    ...(cursor !== undefined && {
      source_defined_cursor: true,
      default_cursor_field: [cursor.field],
    }),
  }
}

const cursorNames = ['SystemModstamp', 'LastModifiedDate', 'CreatedDate', 'LoginTime']

/** The first of the times that orders the changes; undefined if the object is read as a whole. */
export function cursorOf({ fields }: SalesforceObject): ObjectCursor | undefined {
  const usable = (name: string): boolean =>
    fields.some(
      (field) =>
        field.name === name && field.filterable && field.sortable && field.type === 'datetime',
    )
  const field = cursorNames.find(usable)
  if (field === undefined) return undefined
  // Deleting a record moves this stamp alone.
  const hasDeleted = fields.some(({ name }) => name === 'IsDeleted')
  return { field, showsDeleted: field === 'SystemModstamp' && hasDeleted }
}

const text = { type: ['string', 'null'] }
const number = { type: ['number', 'null'] }
const schemas: Readonly<Record<string, JsonObject | undefined>> = {
  boolean: { type: ['boolean', 'null'] },
  int: { type: ['integer', 'null'] },
  long: { type: ['integer', 'null'] },
  double: number,
  currency: number,
  percent: number,
  date: { ...text, format: 'date' },
  datetime: { ...text, format: 'date-time', airbyte_type: 'timestamp_with_timezone' },
  time: { ...text, format: 'time', airbyte_type: 'time_without_timezone' },
}
/** Made of other fields, which are columns of their own. */
const leftOut = new Set(['address', 'location', 'base64', 'complexvalue'])

/** Undefined for a field that is left out. */
function schemaOf({ name, type, label, calculated }: SalesforceField): JsonObject | undefined {
  if (leftOut.has(type)) return undefined
  if (name === 'Id') return { type: 'string' }
  const title = typeof label === 'string' && label !== '' ? { title: label } : {}
  const note = calculated
    ? { description: 'A formula: it changes without a change of the record.' }
    : {}
  return { ...(schemas[type] ?? text), ...title, ...note }
}

/** Queries of these need a filter of one kind or another, or Salesforce refuses them. */
const unreadable = new Set(
  'ActivityHistory AggregateResult AppTabMember AttachedContentDocument CollaborationGroupRecord ColorDefinition CombinedAttachment ContentDocumentLink ContentFolderItem ContentFolderMember ContentHubItem DataStatistics DatacloudAddress DatacloudCompany DatacloudContact DatacloudDandBCompany DatacloudOwnedEntity DatacloudPurchaseUsage DatacloudSocialHandle DataType EmailStatus EntityParticle FeedLike FeedSignal FeedTrackedChange FieldDefinition FieldHistoryArchive FlexQueueItem FlowVariableView FlowVersionView FolderedContentDocument IconDefinition IdeaComment ListViewChartInstance LookedUpFromActivity Name NetworkUserHistoryRecent NoteAndAttachment OpenActivity OutgoingEmail OutgoingEmailRelation OwnedContentDocument OwnerChangeOptionInfo PicklistValueInfo PlatformAction ProcessInstanceHistory Publisher RecentlyViewed RelationshipDomain RelationshipInfo SearchLayout SiteDetail UserEntityAccess UserFieldAccess UserRecordAccess Vote'.split(
    ' ',
  ),
)

function isUnreadable(name: string): boolean {
  return unreadable.has(name) || /(?:ChangeEvent|__e|__x|__ViewStat|__VoteStat|__Tag)$/.test(name)
}
