import type { Manifest } from '../../manifest-interpreter/manifest/load-manifest.ts'
import { toRecordValue } from '../../manifest-interpreter/value/record-value.ts'
import { isJsonList, isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts'
import type { AddressFields } from '../connector.ts'

/** A manifest is never changed. */
const known = new WeakMap<Manifest, AddressFields>()

/**
 * The fields of the configuration that decide which servers a manifest sends its secrets to: those that its
 * templates use in the host of a URL. It errs on the side of too many: a template that it cannot follow
 * counts as all fields.
 */
export function addressFields(manifest: Manifest): AddressFields {
  const fields = known.get(manifest) ?? new AddressSearch(manifest).result()
  known.set(manifest, fields)
  return fields
}

/** Fields of a manifest that hold a URL from its beginning. */
export const urlNames: ReadonlySet<string> = new Set([
  'access_token_url',
  'api_url',
  'consent_url',
  'login_url',
  'token_refresh_endpoint',
  'url',
  'url_base',
  'validate_session_url',
])
/** `path` may be a whole URL too, as in Python's `urljoin`. */
const placeNames = new Set([...urlNames, 'path'])

const oauthInputPath = [
  ...['spec', 'advanced_auth', 'oauth_config_specification'],
  'oauth_user_input_from_connector_config_specification',
]

class AddressSearch {
  readonly #fields = new Set<string>()
  /**
   * The fields from which partitions and generated streams are made: they count if a host is made from
   * partitions or generated streams.
   */
  readonly #parts = new Set<string>()
  /** Fields that the manifest itself makes, and those that it makes each from. */
  readonly #derived: (readonly [field: string, sources: readonly string[]])[] = []
  readonly #oauthInput = new Map<string, string>()
  #hasParts = false

  constructor({ definition }: Manifest) {
    const document = toRecordValue(definition)
    this.#findOAuthInput(document)
    this.#visit(document, new Set())
  }

  result(): AddressFields {
    if (this.#hasParts) for (const field of this.#parts) this.#fields.add(field)
    let before = -1
    while (before !== this.#fields.size) {
      before = this.#fields.size
      for (const [field, sources] of this.#derived)
        if (this.#fields.has(field)) for (const source of sources) this.#fields.add(source)
    }
    return this.#fields.has(everything) ? 'all' : [...this.#fields].sort()
  }

  /** @param seen what several components refer to is one object, and is visited once */
  #visit(value: unknown, seen: Set<unknown>): void {
    if (isJsonList(value)) for (const item of value) this.#visit(item, seen)
    if (!isJsonObject(value) || seen.has(value)) return
    seen.add(value)
    this.#visitComponent(value)
    for (const [name, item] of Object.entries(value)) {
      if (typeof item === 'string' && decidesHost(name, item)) this.#add(item)
      else this.#visit(item, seen)
    }
  }

  #visitComponent(component: JsonObject): void {
    const { type, values, configs_pointer: pointer, field_path: target, value, fields } = component
    if (type === 'ListPartitionRouter') for (const text of textsOf(values)) this.#addPart(text)
    const [first] = type === 'StreamConfig' ? textsOf(pointer) : []
    if (first !== undefined) this.#parts.add(`/${first}`)
    const isPlace = (name: string): boolean => placeNames.has(name) || name.includes('*')
    if (type === 'ComponentMappingDefinition' && textsOf(target).some(isPlace))
      for (const text of textsOf(value)) this.#add(text)
    if (type === 'ConfigAddFields' && isJsonList(fields))
      for (const field of fields) if (isJsonObject(field)) this.#visitDerived(field)
  }

  #addPart(text: string): void {
    for (const field of fieldsIn(text)) this.#parts.add(field)
  }

  #visitDerived({ path, value }: JsonObject): void {
    const sources = textsOf(value).flatMap(fieldsIn)
    this.#derived.push([`/${textsOf(path).join('/')}`, sources])
  }

  /** The names by which the templates of an authorization in the browser know fields. */
  #findOAuthInput(document: unknown): void {
    const input = oauthInputPath.reduce(
      (value, name) => (isJsonObject(value) ? value[name] : undefined),
      document,
    )
    const properties = isJsonObject(input) && isJsonObject(input.properties) ? input.properties : {}
    for (const [name, property] of Object.entries(properties)) {
      const path = isJsonObject(property) ? textsOf(property.path_in_connector_config) : []
      this.#oauthInput.set(name, `/${path.join('/')}`)
    }
  }

  #add(text: string): void {
    for (const field of fieldsIn(text)) this.#fields.add(field)
    const code = codeIn(text)
    if (/\b(?:stream_partition|stream_slice|stream_interval|components_values)\b/.test(code))
      this.#hasParts = true
    for (const [name] of code.matchAll(/\b[a-z_]\w*\b/gi)) {
      const field = this.#oauthInput.get(name)
      if (field !== undefined) this.#fields.add(field)
    }
  }
}

/** Whether a template in the text can change the host. */
function decidesHost(name: string, text: string): boolean {
  if (!placeNames.has(name) || codeIn(text) === '') return false
  if (/^\s*[a-z][a-z0-9+.-]*:\/\/[^/?#{]+[/?#]/i.test(text)) return false
  return name !== 'path' || !/^\s*\/*[^{/?#:]+[/?#]/.test(text)
}

/** Stands for a use of the configuration that cannot be followed. */
const everything = '*'

/** JSON pointers of the fields that the templates in a text use. */
function fieldsIn(text: string): readonly string[] {
  const code = codeIn(text)
  return [...code.matchAll(/\bconfig\b/g)].map(({ index }) => {
    const path: string[] = []
    let rest = code.slice(index + 'config'.length)
    for (let step = stepOf(rest); step !== undefined; step = stepOf(rest)) {
      path.push(step.name)
      rest = rest.slice(step.length)
    }
    return path.length === 0 ? everything : `/${path.join('/')}`
  })
}

/** `['name']`, `.get('name', …)` or `.name`. */
function stepOf(code: string): { readonly name: string; readonly length: number } | undefined {
  const step =
    /^\s*\[\s*(['"])([^'"]+)\1\s*\]/.exec(code) ??
    /^\s*\.\s*get\(\s*(['"])([^'"]+)\1\s*(?:,[^()]*)?\)/.exec(code) ??
    /^(\s*\.\s*)([A-Za-z_]\w*)(?![\w(])/.exec(code)
  const [whole = '', , name = ''] = step ?? []
  return step === null ? undefined : { name, length: whole.length }
}

/** The code in the braces of templates. */
function codeIn(text: string): string {
  return (text.match(/\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g) ?? []).join('\n')
}

function textsOf(value: JsonValue | undefined): readonly string[] {
  if (typeof value === 'string') return [value]
  return isJsonList(value) ? value.flatMap(textsOf) : []
}
