import { readFile, realpath } from 'node:fs/promises'
import { basename, join, sep } from 'node:path'
import { parseLocalReference } from '../../../lib/text/json-pointer.ts'
import { dictOf, entries, get, isDict, remove, valueInside } from '../../value/dict.ts'
import { parseJson } from '../../value/json.ts'
import { requireDepth } from '../transformations/copy-value.ts'
import type { Dict, Value } from '../../value/value.ts'
import { errorCodeOf } from '../../../lib/files/error-code.ts'

/** A schema file that cannot be used. */
export class SchemaFileError extends Error {
  readonly reason: 'missing' | 'invalid'

  constructor(
    reason: SchemaFileError['reason'],
    message: string,
    options?: { readonly cause: unknown },
  ) {
    super(message, options)
    this.name = reason === 'missing' ? 'OSError' : 'RuntimeError'
    this.reason = reason
  }
}

/** Where references to other files point: in the folder of the manifest. */
const sharedFolder = join('schemas', 'shared')

/**
 * Reads a schema below the folder of the manifest and puts what its references name in their places. A path
 * may begin with the name of the folder itself, as in `source_acme/schemas/users.json`.
 */
export async function readSchemaFile(directory: string | undefined, path: string): Promise<Dict> {
  const missing = new SchemaFileError('missing', `Cannot find file ${path}`)
  if (directory === undefined) throw missing
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  const inFolder = parts.slice(1).join(sep)
  const candidates =
    parts[0] === basename(directory) ? [inFolder, parts.join(sep)] : [parts.join(sep), inFolder]
  for (const candidate of candidates) {
    const schema = candidate === '' ? undefined : await readInside(directory, candidate)
    if (schema !== undefined) return new References(directory).resolved(schema)
  }
  throw missing
}

/** The parsed file, undefined if there is none. Nothing outside of the folder is read, be it by a link. */
async function readInside(directory: string, path: string): Promise<Value | undefined> {
  const content = await contentInside(directory, path)
  if (content === undefined) return undefined
  try {
    return parseJson(content)
  } catch (cause) {
    throw new SchemaFileError('invalid', `Invalid JSON file format for file ${path}`, { cause })
  }
}

async function contentInside(directory: string, path: string): Promise<Buffer | undefined> {
  try {
    const folder = await realpath(directory)
    const file = await realpath(join(folder, path))
    return file.startsWith(folder + sep) ? await readFile(file) : undefined
  } catch (error) {
    const code = errorCodeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined
    throw error
  }
}

/** Against references that multiply. */
const maxSteps = 200_000

/** Replaces `{ "$ref": … }` by what it names: a place in the same file, or a file of `schemas/shared`. */
class References {
  readonly #directory: string
  readonly #files = new Map<string, Value>()
  #steps = 0

  constructor(directory: string) {
    this.#directory = directory
  }

  async resolved(schema: Value): Promise<Dict> {
    const resolved = await this.#resolve(schema, schema, 0)
    if (isDict(resolved)) return resolved
    throw new SchemaFileError('invalid', 'A schema file holds no object.')
  }

  async #resolve(value: Value, file: Value, depth: number): Promise<Value> {
    requireDepth(depth)
    if (++this.#steps > maxSteps)
      throw new SchemaFileError('invalid', 'The references of the schema make it too large.')
    if (Array.isArray(value)) {
      const items: Value[] = []
      for (const item of value) items.push(await this.#resolve(item, file, depth + 1))
      return items
    }
    if (!isDict(value)) return value
    const reference = get(value, '$ref')
    if (typeof reference === 'string') return this.#follow(reference, file, depth)
    const resolved: [Value, Value][] = []
    for (const [key, child] of entries(value))
      resolved.push([key, await this.#resolve(child, file, depth + 1)])
    return dictOf(resolved)
  }

  async #follow(reference: string, file: Value, depth: number): Promise<Value> {
    const [name = '', pointer = ''] = reference.split('#')
    const target = name === '' ? file : await this.#file(name)
    const path = parseLocalReference(`#${pointer}`)
    const named = path === undefined ? undefined : valueInside(target, path)
    if (named === undefined)
      throw new SchemaFileError('invalid', `Nothing is at the reference ${reference}.`)
    const found = await this.#resolve(named, target, depth + 1)
    if (!isDict(found)) throw new SchemaFileError('invalid', `${reference} names no object.`)
    remove(found, 'definitions')
    return found
  }

  async #file(name: string): Promise<Value> {
    const known = this.#files.get(name)
    if (known !== undefined) return known
    const schema = await readInside(this.#directory, join(sharedFolder, name))
    if (schema === undefined) throw new SchemaFileError('missing', `Cannot find file ${name}`)
    this.#files.set(name, schema)
    return schema
  }
}
