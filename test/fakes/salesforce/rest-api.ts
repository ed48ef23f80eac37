import {
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import { BulkJobs } from './bulk-jobs.ts'
import { userId, type Fields, type Organization } from './organization.ts'
import { describedFully, describedObject, shownRecord } from './rendered.ts'
import { SalesforceError } from './salesforce-error.ts'
import { runQuery, type QueryResult } from './soql.ts'
import { eachRecord, ranFlow, upsert } from './writes.ts'

export interface ApiRequest {
  readonly method: string
  /** Below `/services/data/v66.0/`. */
  readonly path: readonly string[]
  readonly query: URLSearchParams
  readonly body: JsonValue
  /** `/services/data/v66.0` */
  readonly root: string
  /** Rows of a page of a query. */
  readonly pageSize: number
  /** A change is refused if the record was changed after this time. */
  readonly unmodifiedSince?: string | undefined
}

export interface ApiAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Null: nothing. A text is CSV. */
  readonly body: JsonValue
}

/** The REST API and the Bulk API 2.0 of an organization. */
export class RestApi {
  readonly bulk = new BulkJobs()
  /** Flows by their names: from the values of their inputs to those of their outputs. */
  readonly flows = new Map<string, (input: JsonObject) => JsonObject>()
  readonly #organization: Organization
  readonly #limits: () => { readonly max: number; readonly used: number }
  readonly #cursors = new Map<string, { readonly result: QueryResult; readonly pageSize: number }>()

  constructor(
    organization: Organization,
    limits: () => { readonly max: number; readonly used: number },
  ) {
    this.#organization = organization
    this.#limits = limits
  }

  answer(request: ApiRequest): ApiAnswer {
    const [first = '', ...rest] = request.path
    const route = this.#routes[first]
    if (route === undefined) throw notFound()
    return route(request, rest)
  }

  readonly #routes: Readonly<
    Record<string, (request: ApiRequest, rest: readonly string[]) => ApiAnswer>
  > = {
    '': () =>
      ok({
        identity: `https://login.salesforce.com/id/00DHs0000000001MAA/${userId}`,
        sobjects: '/sobjects',
        query: '/query',
        queryAll: '/queryAll',
        limits: '/limits',
      }),
    limits: () => {
      const { max, used } = this.#limits()
      return ok({ DailyApiRequests: { Max: max, Remaining: max - used } })
    },
    query: (request, rest) => this.#query(request, rest, false),
    queryAll: (request, rest) => this.#query(request, rest, true),
    search: (request) => this.#search(request),
    sobjects: (request, rest) => this.#sobjects(request, rest),
    composite: (request, rest) => this.#composite(request, rest),
    jobs: (request, rest) => this.#jobs(request, rest),
    actions: (request, rest) => {
      const [kind, flow, name = ''] = rest
      const run = this.flows.get(name)
      if (kind !== 'custom' || flow !== 'flow' || run === undefined || !isJsonObject(request.body))
        throw notFound()
      const inputs = listOf(request.body.inputs)
      return ok(inputs.map((input) => ranFlow(name, () => run(input))))
    },
  }

  #query(
    { query, root, pageSize }: ApiRequest,
    [locator]: readonly string[],
    withDeleted: boolean,
  ): ApiAnswer {
    if (locator !== undefined) {
      const [id = '', start = ''] = locator.split('-')
      const cursor = this.#cursors.get(id)
      if (cursor === undefined)
        throw new SalesforceError('INVALID_QUERY_LOCATOR', 'invalid query locator')
      return ok(this.#page(id, { ...cursor, root, start: Number(start) }))
    }
    const result = runQuery(query.get('q') ?? '', this.#organization.view({ withDeleted }))
    if (result.columns.length === 0)
      return ok({ totalSize: result.rows.length, done: true, records: [] })
    const id = `01gHs${String(this.#cursors.size).padStart(10, '0')}`
    this.#cursors.set(id, { result, pageSize })
    return ok(this.#page(id, { result, pageSize, root, start: 0 }))
  }

  #page(
    id: string,
    {
      result,
      pageSize,
      root,
      start,
    }: {
      readonly result: QueryResult
      readonly pageSize: number
      readonly root: string
      readonly start: number
    },
  ): JsonObject {
    const { object, columns, rows } = result
    const page = rows.slice(start, start + pageSize)
    const end = start + page.length
    const isLast = end >= rows.length
    return {
      totalSize: rows.length,
      done: isLast,
      ...(!isLast && { nextRecordsUrl: `${root}/query/${id}-${String(end)}` }),
      records: page.map((row) => shownRecord(object, row, { columns, root })),
    }
  }

  /** Finds what holds the term in any text. */
  #search({ query, root }: ApiRequest): ApiAnswer {
    const [, term = '', returning = ''] =
      /^FIND\s*\{([^}]+)\}.*?RETURNING\s+([\w, ]+)/is.exec(query.get('q') ?? '') ?? []
    if (term === '') throw new SalesforceError('MALFORMED_SEARCH', "unexpected token: '<EOF>'")
    const found = returning.split(',').flatMap((name) => {
      const object = this.#organization.object(name.trim())
      const rows = this.#organization.view({ withDeleted: false }).rows(object.name)
      const isFound = (value: unknown): boolean =>
        typeof value === 'string' && value.toLowerCase().includes(term.toLowerCase())
      return rows
        .filter((row) => Object.values(row).some(isFound))
        .map((row) => shownRecord(object, row, { columns: ['Id'], root }))
    })
    return ok({ searchRecords: found })
  }

  #sobjects(request: ApiRequest, [name, ...rest]: readonly string[]): ApiAnswer {
    const { method, root } = request
    if (name === undefined) {
      const shown = [...this.#organization.objects.values()].map((object) =>
        describedObject(object, root),
      )
      return ok({ encoding: 'UTF-8', maxBatchSize: 200, sobjects: shown })
    }
    const object = this.#organization.object(name)
    const [second] = rest
    if (second === undefined) {
      if (method === 'GET')
        return ok({ objectDescribe: describedObject(object, root), recentItems: [] })
      const id = this.#organization.create(object.name, fieldsOf(request.body))
      return { status: 201, body: { id, success: true, errors: [] } }
    }
    if (second === 'describe') return ok(describedFully(object, root))
    if (second === 'deleted') return ok(this.#deleted(object.name, request.query))
    return rest.length === 1
      ? this.#record(request, object.name, second)
      : this.#byKey(request, object.name, rest)
  }

  #record(
    { method, body, query, root, unmodifiedSince }: ApiRequest,
    object: string,
    id: string,
  ): ApiAnswer {
    switch (method) {
      case 'GET': {
        const row = this.#organization.get(object, id)
        const definition = this.#organization.object(object)
        const all = definition.fields.map(({ name }) => name)
        const columns = query.get('fields')?.split(',') ?? all
        return ok(shownRecord(definition, row, { columns, root }))
      }
      case 'PATCH':
        this.#organization.update(object, id, fieldsOf(body), unmodifiedSince)
        return { status: 204, body: null }
      case 'DELETE':
        this.#organization.delete(object, id)
        return { status: 204, body: null }
      default:
        throw notAllowed(method)
    }
  }

  #byKey(
    { method, body }: ApiRequest,
    object: string,
    [field = '', value = '']: readonly string[],
  ): ApiAnswer {
    if (method !== 'PATCH') throw notAllowed(method)
    const { id, created } = upsert(this.#organization, {
      object,
      field,
      value,
      fields: fieldsOf(body),
    })
    return { status: created ? 201 : 200, body: { id, success: true, errors: [], created } }
  }

  #deleted(object: string, query: URLSearchParams): JsonObject {
    const [start, end] = ['start', 'end'].map((name) => Date.parse(query.get(name) ?? ''))
    if (start === undefined || end === undefined || !(end - start >= 60_000))
      throw new SalesforceError(
        'INVALID_REPLICATION_DATE',
        'the endDate must be at least one minute after the startDate',
      )
    const { deletions, nowMs } = this.#organization
    if (start < nowMs - 30 * 86_400_000)
      throw new SalesforceError(
        'INVALID_REPLICATION_DATE',
        'startDate cannot be more than 30 days ago',
      )
    const isMeant = (time: string): boolean => Date.parse(time) >= start && Date.parse(time) <= end
    return {
      deletedRecords: deletions
        .filter((deletion) => deletion.object === object && isMeant(deletion.deletedDate))
        .map(({ id, deletedDate }) => ({ id, deletedDate: deletedDate.replace('Z', '+0000') })),
      earliestDateAvailable: new Date(nowMs - 30 * 86_400_000).toISOString(),
      latestDateCovered: new Date(nowMs).toISOString(),
    }
  }

  #composite(request: ApiRequest, [kind, object, field]: readonly string[]): ApiAnswer {
    const { method, query } = request
    const body = isJsonObject(request.body) ? request.body : {}
    if (kind === undefined)
      return ok({ compositeResponse: this.#subrequests(request, listOf(body.compositeRequest)) })
    if (kind !== 'sobjects') throw notFound()
    if (method === 'DELETE') {
      const ids = (query.get('ids') ?? '').split(',').map((id) => ({ id }))
      return ok(this.#deletedAll(ids.map(({ id }) => id)))
    }
    if (object !== undefined && method === 'POST')
      return ok(this.#retrieved(object, body, request.root))
    const records = listOf(body.records)
    if (method === 'POST')
      return ok(
        eachRecord(records, (type, record) => ({
          id: this.#organization.create(type, record),
          created: true,
        })),
      )
    if (object === undefined)
      return ok(eachRecord(records, (type, record) => this.#changed(type, record)))
    const key = field ?? 'Id'
    requireDistinct(records, key)
    return ok(
      eachRecord(records, (type, record) => {
        const { [key]: value = null, ...fields } = record
        return upsert(this.#organization, {
          object: type,
          field: key,
          value: String(value),
          fields,
        })
      }),
    )
  }

  #changed(type: string, record: Fields) {
    const { id, Id, ...fields } = record
    const own = String(id ?? Id ?? '')
    this.#organization.update(type, own, fields)
    return { id: own, created: false }
  }

  #deletedAll(ids: readonly string[]): readonly JsonObject[] {
    return ids.map((id) => {
      const object = [...this.#organization.objects.values()].find(({ keyPrefix }) =>
        id.startsWith(keyPrefix),
      )
      const [result = {}] = eachRecord([{ attributes: { type: object?.name ?? '' } }], (type) => {
        this.#organization.delete(type, id)
        return { id, created: false }
      })
      return result
    })
  }

  #retrieved(name: string, { ids, fields }: JsonObject, root: string): JsonValue {
    const object = this.#organization.object(name)
    const wanted = textsOf(fields)
    const columns = wanted.map((column) => {
      const field = object.fields.find((candidate) => candidate.name === column)
      if (field === undefined)
        throw new SalesforceError('INVALID_FIELD', `No such column '${column}' on entity '${name}'`)
      return field.name
    })
    return textsOf(ids).map((id) => {
      const row = this.#organization.find(id)
      const isThere =
        row !== undefined && row.IsDeleted !== true && !this.#organization.hiddenRecords.has(id)
      return isThere ? shownRecord(object, row, { columns: ['Id', ...columns], root }) : null
    })
  }

  #subrequests(request: ApiRequest, parts: readonly JsonObject[]): readonly JsonObject[] {
    if (parts.length > 25)
      throw new SalesforceError(
        'INVALID_INPUT',
        'Composite request can contain at most 25 subrequests',
      )
    return parts.map(({ method, url, body, referenceId, httpHeaders }) => {
      const address = new URL(textOf(url), 'http://salesforce')
      const path = address.pathname
        .slice(request.root.length + 1)
        .split('/')
        .map(decodeURIComponent)
      const { status, body: answer } = answered(() =>
        this.answer({
          ...request,
          method: textOf(method),
          path,
          query: address.searchParams,
          body: body ?? null,
          unmodifiedSince: sinceIn(httpHeaders),
        }),
      )
      return {
        body: answer,
        httpHeaders: {},
        httpStatusCode: status,
        referenceId: referenceId ?? '',
      }
    })
  }

  #jobs({ method, body, query }: ApiRequest, [kind, id, results]: readonly string[]): ApiAnswer {
    if (kind !== 'query') throw notFound()
    if (id === undefined) {
      const { operation = '', query: soql = '' } = isJsonObject(body) ? body : {}
      const info = { operation: textOf(operation), query: textOf(soql) }
      const withDeleted = operation === 'queryAll'
      return ok(
        this.bulk.create(info, runQuery(info.query, this.#organization.view({ withDeleted }))),
      )
    }
    if (results === 'results') {
      const maxRecords = Number(query.get('maxRecords') ?? 50_000)
      const { csv, headers } = this.bulk.results(id, { locator: query.get('locator'), maxRecords })
      return { status: 200, headers: { ...headers, 'content-type': 'text/csv' }, body: csv }
    }
    if (method === 'PATCH') return ok(this.bulk.abort(id))
    if (method === 'GET') return ok(this.bulk.poll(id))
    this.bulk.delete(id)
    return { status: 204, body: null }
  }
}

function sinceIn(headers: JsonValue | undefined): string | undefined {
  const since = isJsonObject(headers) ? headers['If-Unmodified-Since'] : undefined
  return typeof since === 'string' ? since : undefined
}

/** The answer, or the refusal in the words of Salesforce. */
export function answered(answer: () => ApiAnswer): ApiAnswer {
  try {
    return answer()
  } catch (error) {
    if (error instanceof SalesforceError)
      return { status: error.status, body: [error.body as JsonObject] }
    if (error instanceof Error && error.name === 'MultipleChoices' && 'ids' in error)
      return {
        status: 300,
        body: textsOf(error.ids as JsonValue).map((id) => `/services/data/v66.0/sobjects/x/${id}`),
      }
    throw error
  }
}

function requireDistinct(records: readonly JsonObject[], key: string): void {
  const values = records.map((record) => JSON.stringify(record[key]))
  if (new Set(values).size < values.length)
    throw new SalesforceError('DUPLICATE_VALUE', `Duplicate external id specified: ${key}`)
}

function ok(body: JsonValue): ApiAnswer {
  return { status: 200, body }
}

function fieldsOf(body: JsonValue): Fields {
  if (isJsonObject(body)) return body as Fields
  throw new SalesforceError(
    'JSON_PARSER_ERROR',
    'The HTTP entity body is required, but this request has no entity body.',
  )
}

function listOf(value: JsonValue | undefined): readonly JsonObject[] {
  return isJsonList(value) ? value.filter(isJsonObject) : []
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

function textsOf(value: JsonValue | undefined): readonly string[] {
  return isJsonList(value) ? value.map(String) : []
}

function notFound(): SalesforceError {
  return new SalesforceError('NOT_FOUND', 'The requested resource does not exist', { status: 404 })
}

function notAllowed(method: string): SalesforceError {
  return new SalesforceError('METHOD_NOT_ALLOWED', `HTTP Method '${method}' not allowed.`, {
    status: 405,
  })
}

export const userInfo = { user_id: userId, organization_id: '00DHs0000000001MAA' }
