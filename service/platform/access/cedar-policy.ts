import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import { ConnectError } from '../../../protocol/index.ts'
import type { AccessRequest, AccessResource } from './access-request.ts'
import { cedarSchema } from './cedar-schema.ts'
import type { Policy } from './policy.ts'

/** A cached decision takes a microsecond, an uncached one 90 to 400 (2026-11, a busy machine). */
const maxKept = 10_000

const entityOf = { instance: 'Instance', connection: 'Connection', service: 'Service' } as const

let opened = 0

/** A set of Cedar policies, parsed and checked once. */
export class CedarPolicy implements Policy {
  readonly isByName: boolean
  readonly isByFacts: boolean
  /** Warnings of Cedar, such as a rule that can never match. */
  readonly warnings: readonly string[]
  readonly #id: string
  readonly #decisions = new Map<string, boolean>()

  private constructor(id: string, text: string, warnings: readonly string[]) {
    this.#id = id
    this.warnings = warnings
    const { byName, byFacts } = speaksOf(text)
    this.isByName = byName || byFacts
    this.isByFacts = byFacts
  }

  /**
   * Throws `policy_invalid`, with the place, for a text that is not Cedar, or that refers to something
   * unknown.
   */
  static parse(text: string, file: string): CedarPolicy {
    const policies = { staticPolicies: text }
    const schema = cedarSchema()
    const id = `policy ${String(++opened)}`
    const parsed = cedar.preparsePolicySet(id, policies)
    if (parsed.type === 'failure') throw invalidPolicy(file, text, parsed.errors)
    const checked = cedar.validate({ schema, policies })
    if (checked.type === 'failure') throw invalidPolicy(file, text, checked.errors)
    const errors = checked.validationErrors.map(({ error }) => error)
    if (errors.length > 0) throw invalidPolicy(file, text, errors)
    const prepared = cedar.preparseSchema(schemaName, schema)
    if (prepared.type === 'failure') throw invalidPolicy(file, text, prepared.errors)
    return new CedarPolicy(
      id,
      text,
      checked.validationWarnings.map(({ error }) => error.message),
    )
  }

  permits(request: AccessRequest): boolean {
    const key = this.#keyOf(request)
    const decided = this.#decisions.get(key)
    if (decided !== undefined) return decided
    const permitted = this.#decide(request)
    // Removes the oldest decision. A policy by name has a key for each resource, and callers choose the
    // names.
    const [oldest] = this.#decisions.size >= maxKept ? this.#decisions.keys() : []
    if (oldest !== undefined) this.#decisions.delete(oldest)
    this.#decisions.set(key, permitted)
    return permitted
  }

  #keyOf({ principal, action, resource, invoke }: AccessRequest): string {
    const { id, kind, name, via } = principal
    const about = this.isByName ? [resource.name, resource.facts] : []
    return JSON.stringify([id, kind, name, via, action, resource.kind, about, invoke])
  }

  #decide({ principal, action, resource, invoke }: AccessRequest): boolean {
    const who = { type: 'Principal', id: principal.id }
    const what = { type: entityOf[resource.kind], id: resource.name }
    const { name, via } = principal
    const answer = cedar.statefulIsAuthorized({
      principal: who,
      action: { type: 'Action', id: action },
      resource: what,
      context: contextOf(action, invoke),
      preparsedSchemaName: schemaName,
      validateRequest: true,
      preparsedPolicySetId: this.#id,
      entities: [
        { uid: who, attrs: { name, via }, parents: [{ type: 'Kind', id: principal.kind }] },
        { uid: what, attrs: attributesOf(resource), parents: [] },
      ],
    })
    // Cedar skips a rule that fails: skipping a rule that forbids would permit.
    return (
      answer.type === 'success' &&
      answer.response.diagnostics.errors.length === 0 &&
      answer.response.decision === 'allow'
    )
  }
}

const schemaName = 'reactor connect'

function contextOf(
  action: AccessRequest['action'],
  invoke: AccessRequest['invoke'],
): Record<string, boolean | string> {
  if (action !== 'actions:invoke') return {}
  const { dryRun = false, planned = false, name = '', effect = '' } = invoke ?? {}
  return { dry_run: dryRun, planned, name, effect }
}

function attributesOf({ kind, name, facts = {} }: AccessResource): Record<string, string> {
  switch (kind) {
    case 'instance':
      return { name, ...(facts.type !== undefined && { type: facts.type }) }
    case 'connection':
      return { name, ...(facts.instance !== undefined && { instance: facts.instance }) }
    case 'service':
      return {}
  }
}

function invalidPolicy(
  file: string,
  text: string,
  errors: readonly cedar.DetailedError[],
): ConnectError {
  const problems = errors.map((error) => {
    const [location] = error.sourceLocations ?? []
    const { line, column } = placeInText(text, location?.start ?? 0)
    const help = [location?.label, error.help].filter((part) => typeof part === 'string')
    return { line, column, problem: [error.message, ...help].join('; ') }
  })
  const [first = { line: 1, column: 1, problem: 'Cedar refuses it' }, ...others] = problems
  const more = others.map(({ line, column, problem }) => `${line}:${column} ${problem}`)
  return new ConnectError('policy_invalid', {
    details: { file, ...first, ...(more.length > 0 && { more }) },
  })
}

/** Line and column (UTF-16 code units, as editors count), from 1, of a byte offset in UTF-8. */
function placeInText(
  text: string,
  byte: number,
): { readonly line: number; readonly column: number } {
  const before = Buffer.from(text).subarray(0, byte).toString('utf8').split('\n')
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 }
}

/** The facts that a decision depends on, if a rule looks at the resource. */
interface SpeaksOf {
  /** It depends on the name of the instance or connection. */
  readonly byName: boolean
  /** It depends on facts that have to be looked up. */
  readonly byFacts: boolean
}

/** `text` must be valid Cedar. Says yes if it is not sure. */
function speaksOf(text: string): SpeaksOf {
  const parts = cedar.policySetTextToParts(text)
  if (parts.type === 'failure') return { byName: true, byFacts: true }
  const results = parts.policies.map(ofPolicy)
  return {
    byName: results.some(({ byName }) => byName),
    byFacts: results.some(({ byFacts }) => byFacts),
  }
}

function ofPolicy(policy: string): SpeaksOf {
  const parsed = cedar.policyToJson(policy)
  if (parsed.type === 'failure') return { byName: true, byFacts: true }
  const { resource, conditions } = parsed.json
  const inConditions = JSON.stringify(conditions)
  const aboutAny = resource.op === 'All' || (resource.op === 'is' && resource.in === undefined)
  return {
    byName: !aboutAny || inConditions.includes('{"Var":"resource"}'),
    byFacts: /"attr":(?:\[[^\]]*)?"(?:type|instance)"/.test(inConditions),
  }
}
