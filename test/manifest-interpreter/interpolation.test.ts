import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { SourceError } from '../../manifest-interpreter/contracts.ts'
import {
  TemplateCompiler,
  type Scope,
} from '../../manifest-interpreter/interpolation/template-compiler.ts'
import type { PythonType } from '../../manifest-interpreter/interpolation/python-type.ts'
import { TemplateError } from '../../manifest-interpreter/interpolation/template-error.ts'
import { isComplex } from '../../manifest-interpreter/value/complex.ts'
import { entries, get, isDict } from '../../manifest-interpreter/value/dict.ts'
import { dumpJson } from '../../manifest-interpreter/value/json-dumps.ts'
import { parseJson } from '../../manifest-interpreter/value/json.ts'
import type { StreamSlice } from '../../manifest-interpreter/value/stream-slice.ts'
import { str } from '../../manifest-interpreter/value/text.ts'
import { typeName } from '../../manifest-interpreter/value/type-name.ts'
import {
  PyObject,
  PySet,
  PyTuple,
  type Dict,
  type Value,
} from '../../manifest-interpreter/value/value.ts'

/** Templates with the reference's results. The README beside the cases describes the format. */

const own = new URL('../conformance/interpolation.jsonl', import.meta.url)
const corpus = new URL('../../../shared/conformance/interpolation-corpus.jsonl', import.meta.url)

describe('the interpolation cases', () => {
  runCases(own)
})

describe.runIf(existsSync(corpus))('the templates of real manifests', () => {
  if (existsSync(corpus)) runCases(corpus)
})

interface Case {
  readonly line: Dict
  readonly mode: string
  readonly template: Value
  readonly compiler: TemplateCompiler
  readonly shared: string | undefined
}

function runCases(file: URL): void {
  const [head = '', ...rest] = readFileSync(file, 'utf8').trim().split('\n')
  const first = dictOf(parseJson(head))
  const clock =
    Date.parse(`${text(first, 'clock').slice(0, 23)}Z`) * 1000 +
    Number(text(first, 'clock').slice(23, 26))
  const shared = get(first, 'context')
  for (const source of rest) {
    const line = dictOf(parseJson(source))
    if (get(line, 'unstable') === true) continue
    // Each has a fresh context: templates can change what they are given.
    const compiler = new TemplateCompiler({
      nowMicros: () => clock,
      uuid: () => text(first, 'uuid'),
    })
    const template = get(line, 'template') ?? null
    const mode = text(line, 'mode')
    const context = get(line, 'context') ?? shared ?? {}
    test(`${str(get(line, 'id') ?? '')} ${mode}: ${str(template).slice(0, 150)}`, () => {
      check({ line, mode, template, compiler, shared: dumpJson(context) })
    })
  }
}

function check(example: Case): void {
  const scope = scopeOf(dictOf(parseJson(example.shared ?? '{}')))
  if (get(example.line, 'error') !== undefined) {
    // A fault of the template; or of the manifest, if it reads what no longer exists.
    const isKnown = (error: unknown) =>
      error instanceof TemplateError || error instanceof SourceError
    expect(isKnown(thrownBy(() => evaluate(example, scope)))).toBe(true)
    return
  }
  const actual = evaluate(example, scope)
  expect(comparable(described(actual))).toEqual(comparable(get(example.line, 'expected') ?? null))
  expect(pythonType(actual)).toBe(get(example.line, 'python_type') ?? pythonType(actual))
}

function thrownBy(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  return undefined
}

function evaluate({ line, mode, template, compiler }: Case, scope: Scope): Value {
  const parameters = scope.parameters
  const options = { ...(isDict(parameters) && { parameters }) }
  switch (mode) {
    case 'jinja':
      return compiler.jinja(template, jinjaOptions(line))(scope)
    case 'boolean':
      return compiler.boolean(template, options)(scope)
    case 'string':
      return compiler.string(template, options)(scope)
    case 'mapping':
      return compiler.mapping(dictOf(template), options)(scope)
    case 'nested_mapping':
      return compiler.nested(template, options)(scope)
    default:
      throw new Error(`unknown mode ${mode}`)
  }
}

const types = [
  'str',
  'int',
  'float',
  'bool',
  'list',
  'dict',
  'tuple',
  'complex',
  'NoneType',
] as const

function jinjaOptions(line: Dict): { default?: Value; validTypes?: PythonType[] } {
  const names = get(line, 'valid_types')
  const otherwise = get(line, 'default')
  return {
    ...(otherwise !== undefined && { default: otherwise }),
    ...(Array.isArray(names) && { validTypes: types.filter((type) => names.includes(type)) }),
  }
}

function scopeOf(context: Dict): Scope {
  const scope: Record<string, Value | StreamSlice> = {}
  for (const [name, value] of entries(context)) scope[str(name)] = value
  return scope
}

function dictOf(value: Value): Dict {
  if (!isDict(value)) throw new Error('expected an object')
  return value
}

function text(dict: Dict, key: string): string {
  return str(get(dict, key) ?? '')
}

function pythonType(value: Value): string {
  return isComplex(value) ? 'complex' : typeName(value)
}

/** As the cases write what JSON has no form for. */
function described(value: Value): Value {
  if (Array.isArray(value)) return value.map(described)
  if (isDict(value)) return describedDict(entries(value))
  if (value instanceof PyTuple) return { $tuple: value.items.map(described) }
  if (value instanceof PySet) return { $set: value.items.map(described) }
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('latin1') }
  if (isComplex(value)) return { $complex: str(value) }
  if (value instanceof PyObject) return { $other: value.traits.type, str: str(value) }
  const isFinite = typeof value !== 'number' || Number.isFinite(value)
  return isFinite ? value : { $float: str(value) }
}

function describedDict(items: readonly (readonly [Value, Value])[]): Value {
  if (items.some(([key]) => typeof key !== 'string')) {
    return { $dict: items.map(([key, item]) => [described(key), described(item)]) }
  }
  return new Map(items.map(([key, item]) => [key, described(item)]))
}

/** The exact text: ints and floats differ. The cases have their keys sorted. */
function comparable(value: Value): string {
  return dumpJson(value, { ensureAscii: false, sortKeys: true })
}
