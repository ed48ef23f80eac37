import { writeFileSync } from 'node:fs'
import { SourceEnvironment } from '../../connectors/manifest/source-environment.ts'
import type { SourceEnvironmentOptions } from '../../connectors/manifest/source-environment.ts'
import { UnreadableResponses } from '../../connectors/manifest/unreadable-responses.ts'
import { inferredSchema } from '../../engine/sandbox/inferred-schema.ts'
import { ObservedFields } from '../../engine/observed-fields.ts'
import { list } from '../../manifest-interpreter/definition.ts'
import {
  TransportError,
  type Environment,
  type HttpRequest,
} from '../../manifest-interpreter/contracts.ts'
import type { HttpResponse } from '../../manifest-interpreter/http/http-response.ts'
import type { Manifest } from '../../manifest-interpreter/manifest/load-manifest.ts'
import { ManifestSource } from '../../manifest-interpreter/source/manifest-source.ts'
import type { CatalogStream } from '../../manifest-interpreter/source/catalog-stream.ts'
import type { SourceMessage } from '../../manifest-interpreter/source/messages.ts'
import type { SecretFilter } from '../../manifest-interpreter/source/secret-filter.ts'
import { get, isPlainDict } from '../../manifest-interpreter/value/dict.ts'
import { toRecordValue } from '../../manifest-interpreter/value/record-value.ts'
import type { Dict, Value } from '../../manifest-interpreter/value/value.ts'
import { stringifyExact } from '../../protocol/exact-json.ts'
import { jsonBody, recordsHint } from './records-hint.ts'
import { writtenLines, writtenSchema, type WrittenSchema } from './written-schema.ts'
import { ConnectError } from '../../protocol/errors/connect-error.ts'
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type RecordData,
} from '../../protocol/index.ts'
import { exitCodes } from '../exit-codes.ts'
import { plainText } from '../output/plain-text.ts'
import { table } from '../output/table.ts'
import { counted } from '../run/amounts.ts'
import { jsonText } from '../output/json-text.ts'

export interface TryOptions {
  readonly stream: string
  readonly manifest: Manifest
  readonly config: Dict
  readonly state: readonly Value[]
  readonly environment: Omit<SourceEnvironmentOptions, 'emit'>
  /**
   * Called with a configuration that the source changed (a refresh token that was replaced), if the result
   * cannot show it.
   */
  readonly configChanged: (config: Dict) => Promise<void>
  /** Pages of each slice, and slices. */
  readonly limits: { readonly pages: number; readonly slices: number }
  /** Where the configured catalog of the stream goes. */
  readonly writeCatalog: string | undefined
  /** Writes the types that were found into this manifest; without a file they are shown only. */
  readonly writeSchema?: { readonly file: string | undefined; readonly force: boolean }
  /** Beside what it read, the stream with references and parameters resolved. The JSON has it always. */
  readonly showsResolved: boolean
  readonly json: boolean
  readonly write: (text: string) => Promise<void>
}

/** A request and what came back. Secrets are masked. snake_case: as `--json` shows it. */
interface Exchange {
  readonly request: {
    readonly method: string
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: string | null
  }
  readonly response: {
    readonly status: number
    readonly bytes: number
    readonly body: string
  } | null
  readonly error: string | null
}

const maxShownBody = 2000
/**
 * The part of a body that is stored until all secrets are known: far more than is shown, so that no secret is
 * cut in two there.
 */
const maxKeptBody = 256 * 1024
const maxShownRecords = 3

/**
 * `source … try STREAM`: reads some pages of a stream and shows what an author wants to see. Resolves with
 * the exit code.
 */
export async function trySource(options: TryOptions): Promise<number> {
  const trial: Trial = {
    exchanges: [],
    config: undefined,
    unreadable: new UnreadableResponses(),
    lastBody: undefined,
  }
  try {
    const result = await resultOf(options, trial)
    await options.write(
      options.json ? jsonText(result) : resultLines(result, options.showsResolved),
    )
    const isDone = result.failures.length === 0 && (result.written_schema?.reason ?? null) === null
    return isDone ? exitCodes.complete : exitCodes.failed
  } catch (error) {
    if (trial.config !== undefined) await options.configChanged(trial.config)
    throw error
  }
}

interface Trial {
  readonly exchanges: Exchange[]
  /** As the source changed it last. */
  config: Dict | undefined
  readonly unreadable: UnreadableResponses
  /** The body of the last response that succeeded, if it is JSON. */
  lastBody: JsonValue | undefined
}

async function resultOf(options: TryOptions, trial: Trial): Promise<TryResult> {
  await using network = new SourceEnvironment({
    ...options.environment,
    emit: (message) => {
      trial.unreadable.add(message)
      if (message.kind === 'config') trial.config = message.config
    },
  })
  const { manifest, config, stream: name } = options
  const environment = observeRequests(network, options.limits, {
    exchanges: trial.exchanges,
    mask: (text) => source.secrets.text(text),
    loginResponded: (response) => {
      source.secrets.learnLogin(response)
    },
  })
  await using source = new ManifestSource({ manifest, config, environment, concurrency: 1 })
  const [stream] = await source.discover([name])
  if (stream === undefined) throw noSuchStream(name, manifest)
  // Requests of a dynamic schema are not those of the stream.
  trial.exchanges.length = 0
  const catalog = configuredCatalog(stream)
  if (options.writeCatalog !== undefined)
    writeFileSync(options.writeCatalog, `${stringifyExact(toRecordValue(catalog))}\n`)
  const read = await readSome(source, catalog, options)
  const last = trial.exchanges.findLast(({ response }) => response?.status === 200)
  trial.lastBody = last?.response ? jsonBody(last.response.body) : undefined
  const declared = asJson(stream.json_schema)
  const schema = isJsonObject(declared) ? declared : {}
  const inferred = inferredSchema(schema, { observed: read.fields, records: read.records })
  return {
    stream: name,
    exchanges: trial.exchanges.map((exchange) => shownExchange(exchange, source.secrets)),
    records: read.records,
    sample: read.sample,
    state: read.state,
    failures: read.failures,
    warnings: trial.unreadable.warnings,
    hint:
      read.records > 0 || read.failures.length > 0
        ? null
        : recordsHint(trial.lastBody, definitionOf(manifest, name)),
    declared_schema: schema,
    inferred_schema: inferred,
    ...(options.writeSchema !== undefined && {
      written_schema: writtenSchema({ declared: schema, inferred, stream }, options.writeSchema),
    }),
    manifest: asJson(definitionOf(manifest, name) ?? null),
    changed_config: trial.config === undefined ? null : asJson(trial.config),
  }
}

type TryResult = Readonly<{
  stream: string
  exchanges: readonly Exchange[]
  records: number
  sample: readonly JsonValue[]
  state: JsonValue
  failures: readonly string[]
  warnings: readonly string[]
  /** Where the records may be, if none was found. */
  hint: string | null
  declared_schema: JsonObject
  inferred_schema: JsonObject | null
  /** With --write-schema. */
  written_schema?: WrittenSchema
  manifest: JsonValue
  /** Null if the source did not change it. With its secrets: it is there to be stored. */
  changed_config: JsonValue
}>

async function readSome(source: ManifestSource, catalog: Value, options: TryOptions) {
  const fields = new ObservedFields()
  const sample: JsonValue[] = []
  const failures: string[] = []
  let records = 0
  let state: JsonValue = null
  const output = {
    records: (_stream: string, batch: readonly Dict[]) => {
      records += batch.length
      for (const record of batch) fields.add(toRecordValue(record) as RecordData)
      sample.push(...batch.slice(0, maxShownRecords - sample.length).map(asJson))
      return Promise.resolve()
    },
    message: (message: SourceMessage) => {
      if (message.kind === 'state') state = asJson(message.state)
      if (message.kind === 'failure') failures.push(message.message)
      return Promise.resolve()
    },
  }
  try {
    await source.read(
      {
        catalog: isPlainDict(catalog) ? catalog : {},
        state: options.state,
        limits: options.limits,
      },
      output,
    )
  } catch (error) {
    // The failures say why.
    if (failures.length === 0) throw error
  }
  return { records, sample, state, failures, fields: fields.fields }
}

/** Logins, parents and pages without records come on top of the pages that were asked for. */
const maxOtherRequests = 100

interface Observer {
  readonly exchanges: Exchange[]
  readonly mask: (text: string) => string
  /** The exchange of a login is shown: all that it responds is a secret. */
  readonly loginResponded: (response: Value) => void
}

/**
 * The same environment, which stores the requests and their responses, as far as their secrets are known
 * then.
 */
function observeRequests(
  environment: SourceEnvironment,
  limits: TryOptions['limits'],
  { exchanges, mask, loginResponded }: Observer,
): Environment {
  const maxRequests = limits.pages * limits.slices + maxOtherRequests
  const send: Environment['transport']['send'] = async (request, signal) => {
    if (exchanges.length >= maxRequests)
      throw new TransportError(
        'limit',
        `The stream sent ${maxRequests} requests, and the most that a try sends.`,
      )
    const shownRequest = copyRequest(request, mask)
    try {
      const response = await environment.transport.send(request, signal)
      exchanges.push({
        request: shownRequest,
        response: await copyResponse(response, mask),
        error: null,
      })
      return response
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      exchanges.push({ request: shownRequest, response: null, error: mask(reason) })
      throw error
    }
  }
  return {
    nowMicros: () => environment.nowMicros(),
    sleep: (seconds) => environment.sleep(seconds),
    uuid: () => environment.uuid(),
    random: (low, high) => environment.random(low, high),
    logger: environment.logger,
    signal: environment.signal,
    emit: (message) => {
      environment.emit(message)
    },
    ...(environment.manifestDirectory !== undefined && {
      manifestDirectory: environment.manifestDirectory,
    }),
    transport: { send },
    loginResponded,
  }
}

function copyRequest(request: HttpRequest, mask: (text: string) => string): Exchange['request'] {
  const { method, url, headers, body } = request
  return {
    method,
    url: mask(url),
    headers: Object.fromEntries([...headers].map(([name, value]) => [name, mask(value)])),
    body: body === null ? null : cutBody(mask(Buffer.from(body).toString())),
  }
}

async function copyResponse(
  response: HttpResponse,
  mask: (text: string) => string,
): Promise<Exchange['response']> {
  const bytes = await response.bytes()
  return {
    status: response.status,
    bytes: bytes.length,
    body: cutBody(mask(await response.text())),
  }
}

/** A copy: a slice alone would hold the whole text in memory. */
function cutBody(text: string): string {
  return text.length <= maxKeptBody ? text : Buffer.from(text.slice(0, maxKeptBody)).toString()
}

/**
 * Masked again, because a response may contain a token before it is known to be a token. Cut last, so that no
 * secret is cut in two.
 */
function shownExchange({ request, response, error }: Exchange, secrets: SecretFilter): Exchange {
  const { method, url, headers, body } = request
  return {
    request: {
      method,
      url: secrets.text(url),
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, secrets.text(value)]),
      ),
      body: body === null ? null : shorten(secrets.text(body)),
    },
    response: response && { ...response, body: shorten(secrets.text(response.body)) },
    error: error === null ? null : secrets.text(error),
  }
}

function shorten(text: string): string {
  return text.length <= maxShownBody ? text : `${text.slice(0, maxShownBody)}…`
}

function configuredCatalog(stream: CatalogStream): Value {
  const mode = stream.supported_sync_modes.at(-1) ?? 'full_refresh'
  const { default_cursor_field: cursor, source_defined_primary_key: key, ...others } = stream
  return {
    streams: [
      {
        stream: {
          ...others,
          supported_sync_modes: [...stream.supported_sync_modes],
          ...(cursor !== undefined && { default_cursor_field: [...cursor] }),
          ...(key !== undefined && { source_defined_primary_key: key.map((path) => [...path]) }),
        },
        sync_mode: mode,
        destination_sync_mode: 'append',
        ...(cursor !== undefined && { cursor_field: [...cursor] }),
      },
    ],
  }
}

function definitionOf({ definition }: Manifest, name: string): Dict | undefined {
  return list(definition, 'streams')
    .filter(isPlainDict)
    .find((stream) => get(stream, 'name') === name)
}

function noSuchStream(name: string, { definition }: Manifest): ConnectError {
  const names = list(definition, 'streams')
    .filter(isPlainDict)
    .flatMap((stream) => get(stream, 'name') ?? [])
  const problem = `The manifest has no stream "${name}" that can be read`
  const fix = `Name one of its streams: ${names.map(String).join(', ')}.`
  return new ConnectError('usage', { details: { problem, fix } })
}

function resultLines(result: TryResult, showsResolved: boolean): string {
  const { stream, exchanges, records, sample, failures, warnings, manifest, state } = result
  const changed = result.changed_config
  return [
    ...exchanges.flatMap(exchangeLines),
    `\n${stream}: ${counted(records, 'record')}\n`,
    ...(result.hint === null ? [] : [`hint: ${plainText(result.hint)}\n`]),
    ...sample.map((record) => `  ${plainText(JSON.stringify(record))}\n`),
    ...failures.map((failure) => `failed: ${plainText(failure)}\n`),
    ...warnings.map((warning) => `warning: ${plainText(warning)}\n`),
    '\nschema: field, declared, found\n',
    schemaTable(result),
    ...(result.written_schema === undefined ? [] : writtenLines(result.written_schema)),
    `\nstate: ${plainText(JSON.stringify(state))}\n`,
    ...(showsResolved
      ? ['\nmanifest, references and parameters resolved\n', jsonText(manifest)]
      : []),
    ...(changed === null
      ? []
      : [
          '\nconfiguration, changed by the source: store it, because the previous one may no longer work\n',
          jsonText(changed),
        ]),
  ].join('')
}

function exchangeLines({ request, response, error }: Exchange, index: number): readonly string[] {
  const headers = Object.entries(request.headers).map(([name, value]) => `   ${name}: ${value}`)
  const body = request.body === null ? [] : [`   ${request.body}`]
  const answer =
    response === null
      ? `failed: ${error ?? ''}`
      : `${response.status}, ${response.bytes} bytes: ${response.body}`
  const lines = [
    `${index + 1}. ${request.method} ${request.url}`,
    ...headers,
    ...body,
    `   ${answer}`,
  ]
  return lines.map((line) => `${line.slice(0, 3)}${plainText(line.slice(3))}\n`)
}

function schemaTable({ declared_schema: declared, inferred_schema: inferred }: TryResult): string {
  const types = (schema: JsonObject | null): Map<string, string> => {
    const properties = schema?.properties
    if (!isJsonObject(properties)) return new Map()
    return new Map(Object.entries(properties).map(([name, field]) => [name, typeText(field)]))
  }
  const before = types(declared)
  const observedTypes = types(inferred)
  const names = [...new Set([...before.keys(), ...observedTypes.keys()])]
  if (names.length === 0) return '  No field is declared, and no record was read.\n'
  return table(
    names.map((name) => [
      `  ${plainText(name)}`,
      before.get(name) ?? 'not declared',
      observedTypes.get(name) ?? 'not found',
    ]),
  )
}

function typeText(schema: JsonValue | undefined): string {
  if (!isJsonObject(schema)) return 'any'
  const { type, format } = schema
  const names = (Array.isArray(type) ? type : [type]).filter((item) => typeof item === 'string')
  const name = names.length === 0 ? 'any' : names.join(' or ')
  return typeof format === 'string' ? `${name} (${format})` : name
}

function asJson(value: Value): JsonValue {
  return JSON.parse(stringifyExact(toRecordValue(value))) as JsonValue
}
